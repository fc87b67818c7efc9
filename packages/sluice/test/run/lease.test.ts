import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import { OWNER, createWorld, forbidStrayRejections, gate, never, overriding, saying, textOf, turns } from "./support.ts";

forbidStrayRejections();

describe("the lease of a run", () => {
  it("is renewed about every third of its time while the run lasts, and not after", async () => {
    const asked: number[] = [];
    const inner = createWorld();
    const { clock } = inner;
    const store = overriding(inner.store, {
      lease: (id, request) => {
        asked.push(clock.now() - 1_000_000);
        expect(request.ttlMs).toBe(7_000);
        return inner.store.lease(id, request);
      },
    });
    const { runs } = createWorld({ store, clock });
    const { run, id } = await runs.open({ owner: OWNER });
    await clock.advance(20_000);
    expect(asked).toEqual([2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000, 16_000, 18_000, 20_000]);
    expect(await store.lapsed(10)).toEqual([]);
    await run!.finish();
    await runs.ended(id);
    await clock.advance(20_000);
    expect(asked).toHaveLength(10);
    expect(clock.timers).toBe(0);
  });

  it("is renewed by one timer for all runs of a node", async () => {
    const { runs, clock } = createWorld();
    const opened = await Promise.all(Array.from({ length: 50 }, () => runs.open({ owner: OWNER })));
    expect(clock.timers).toBe(50 + 1); // a deadline each
    await Promise.all(opened.map(({ run }) => run?.finish()));
    await Promise.all(opened.map(({ id }) => runs.ended(id)));
    expect(clock.timers).toBe(0);
  });

  it("that another node took aborts the producer, and what it still says is fenced off", async () => {
    const { runs, store, clock, lines, read } = createWorld();
    const more = gate();
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, async function* (context): AsyncGenerator<RunEvent> {
      signal = context.signal;
      yield* saying("a");
      await more.opened;
      yield { type: "text-delta", id: "t", delta: "from the dead" };
    });
    await turns();
    // The node slept: its lease lapsed, and another one took it.
    const other = { holder: "node_other", ttlMs: 7_000 };
    const asleep = createWorld({ store, clock });
    await expect(store.lease(id, other)).rejects.toMatchObject({ code: "log/lease-held" });
    const state = store.lease.bind(store);
    store.lease = () => Promise.reject(new Error("asleep"));
    await clock.advance(6_999);
    expect(signal?.aborted).toBe(false);
    store.lease = state;
    await clock.advance(1);
    const { fence } = await store.lease(id, other);
    more.open();
    await clock.advance(2_000);
    await runs.ended(id);
    expect(signal?.aborted).toBe(true);
    expect(runs.producing).toBe(0);
    expect(lines).toMatchObject([{ message: "run lost", fields: { code: "log/fenced" } }]);
    expect(textOf(await read(id))).toBe("a");
    // The new holder goes on where the log ends.
    const { last } = (await store.state(id))!;
    const terminal = JSON.stringify({ type: "error", errorText: "lost", code: "run/producer-lost" });
    await store.close(id, [terminal], { expected: last, fence });
    expect(await asleep.read(id).catch(() => [])).toBeDefined();
    expect((await read(id)).at(-1)).toMatchObject({ code: "run/producer-lost" });
  });

  it("that was lost is noticed by a producer that says nothing", async () => {
    const { runs, store, clock } = createWorld({ leaseMs: 3_500 });
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, async function* (context): AsyncGenerator<RunEvent> {
      signal = context.signal;
      yield* saying("a");
      await never();
    });
    await turns();
    const real = store.lease.bind(store);
    // Time passes for the store only.
    store.lease = () => never();
    await clock.advance(3_500);
    await real(id, { holder: "node_other", ttlMs: 60_000 });
    store.lease = real;
    await clock.advance(1_000);
    await runs.ended(id);
    expect(signal?.reason).toMatchObject({ code: "log/lease-held" });
  });

  it("is asked for again when the store fails, and only given up when its time is over", async () => {
    const { runs, store, clock, read } = createWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    const real = store.lease.bind(store);
    let failures = 2;
    store.lease = (...given) => (failures-- > 0 ? Promise.reject(new Error("reset")) : real(...given));
    await clock.advance(6_000);
    expect(run!.signal.aborted).toBe(false);
    failures = Number.POSITIVE_INFINITY;
    await clock.advance(6_000);
    expect(run!.signal.aborted).toBe(false);
    await clock.advance(2_000);
    expect(run!.signal.aborted).toBe(true);
    await runs.ended(id);
    expect((await read(id)).at(-1)).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
  });

  it("renewed by a store that throws at once is no crash", async () => {
    const { runs, clock } = createWorld({
      over: {
        lease: () => {
          throw new Error("not implemented");
        },
      },
    });
    const { run } = await runs.open({ owner: OWNER });
    await clock.advance(8_000);
    expect(run!.signal.aborted).toBe(true);
  });
});
