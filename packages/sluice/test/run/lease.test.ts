import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import type { LogStore } from "../../src/log/index.ts";
import {
  OWNER,
  createWorld,
  forbidStrayRejections,
  gate,
  never,
  saying,
  textOf,
  turns,
  type World,
} from "./support.ts";

forbidStrayRejections();

interface Leases {
  /** Renewals fail, as if the node were cut off, or as a store that nobody reaches says it. */
  fails: boolean | "away";
  /** The operation of the store itself, for another node. */
  readonly real: LogStore["lease"];
}

function createLeaseWorld(): World & { readonly lease: Leases } {
  let lease: Leases | undefined;
  const world = createWorld({
    over: (memory) => {
      const leases: Leases = (lease = { fails: false, real: (...given) => memory.lease(...given) });
      const away = new SluiceError("log/unavailable", "The store is away.");
      const failure = (): Error => (leases.fails === "away" ? away : new Error("cut off"));
      return { lease: (...given) => (leases.fails ? Promise.reject(failure()) : memory.lease(...given)) };
    },
  });
  return { ...world, lease: lease! };
}

describe("the lease of a run", () => {
  it("is renewed about every third of its time while the run lasts, and not after", async () => {
    const asked: number[] = [];
    const { runs, clock, store } = createWorld({
      over: (memory) => ({
        lease: (id, request) => {
          asked.push(clock.now() - 1_000_000);
          expect(request.ttlMs).toBe(7_000);
          return memory.lease(id, request);
        },
      }),
    });
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
    await Promise.all(opened.map(({ run }) => run!.finish()));
    await Promise.all(opened.map(({ id }) => runs.ended(id)));
    expect(clock.timers).toBe(0);
  });

  it("that another node took aborts the producer, and what it still says is fenced off", async () => {
    const { runs, store, clock, lines, read, lease } = createLeaseWorld();
    const more = gate();
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, async function* (context): AsyncGenerator<RunEvent> {
      signal = context.signal;
      yield* saying("a");
      await more.opened;
      yield { type: "text-delta", id: "t", delta: "from the dead" };
    });
    await turns();
    const other = { holder: "node_other", ttlMs: 7_000 };
    await expect(lease.real(id, other)).rejects.toMatchObject({ code: "log/lease-held" });
    lease.fails = true;
    await clock.advance(7_000);
    expect(signal?.aborted).toBe(false);
    const { fence } = await lease.real(id, other);
    more.open();
    await turns();
    await runs.ended(id);
    expect(signal?.aborted).toBe(true);
    expect(lines).toMatchObject([{ message: "run lost", fields: { code: "log/fenced" } }]);
    expect(textOf(await read(id))).toBe("a");
    // The new holder goes on where the log ends.
    const { last } = (await store.state(id))!;
    const terminal = JSON.stringify({ type: "error", errorText: "lost", code: "run/producer-lost" });
    await store.close(id, [terminal], { expected: last, fence });
    expect((await read(id)).at(-1)).toMatchObject({ code: "run/producer-lost" });
  });

  it("that was lost is noticed by a producer that says nothing", async () => {
    const { runs, clock, lease } = createLeaseWorld();
    let signal: AbortSignal | undefined;
    const { id } = await runs.start({ owner: OWNER }, async function* (context): AsyncGenerator<RunEvent> {
      signal = context.signal;
      yield* saying("a");
      await never();
    });
    lease.fails = true;
    await clock.advance(7_000);
    await lease.real(id, { holder: "node_other", ttlMs: 60_000 });
    lease.fails = false;
    await clock.advance(1_000);
    await runs.ended(id);
    expect(signal?.reason).toMatchObject({ code: "log/fenced" });
  });

  it("that was lost and lapsed again is noticed by its higher fence", async () => {
    const { runs, clock, lease } = createLeaseWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    lease.fails = true;
    await clock.advance(7_000);
    await lease.real(id, { holder: "node_other", ttlMs: 500 });
    await clock.advance(500);
    lease.fails = false;
    await clock.advance(500);
    await runs.ended(id);
    expect(run!.signal.reason).toMatchObject({ code: "log/fenced" });
    await expect(run!.ended).rejects.toMatchObject({ code: "log/fenced" });
  });

  it("is asked for again when the store fails, and only given up when its time is over", async () => {
    const { runs, clock, read, lease } = createLeaseWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    lease.fails = true;
    await clock.advance(5_000);
    lease.fails = false;
    await clock.advance(1_000); // renewed at 6 s
    lease.fails = true;
    await clock.advance(6_000);
    expect(run!.signal.aborted).toBe(false);
    await clock.advance(2_000);
    expect(run!.signal.aborted).toBe(true);
    await runs.ended(id);
    expect((await read(id)).at(-1)).toMatchObject({ type: "error", code: "PROCESSING_ERROR" });
  });

  it("is no reason to give up, while the store is away, before an append would be", async () => {
    const { runs, clock, read, lease } = createLeaseWorld();
    const { run, id } = await runs.open({ owner: OWNER });
    lease.fails = "away";
    await clock.advance(15_000);
    expect(run!.signal.aborted).toBe(false);
    lease.fails = false;
    await clock.advance(2_000);
    lease.fails = "away";
    await clock.advance(16_000);
    expect(run!.signal.aborted).toBe(false);
    await clock.advance(2_000);
    await runs.ended(id);
    expect(run!.signal.reason).toMatchObject({ code: "log/unavailable" });
    expect((await read(id)).at(-1)).toMatchObject({ type: "error", code: "log/unavailable" });
  });

  it("renewed by a store that throws at once is no crash", async () => {
    const { runs, clock } = createWorld({
      over: () => ({
        lease: () => {
          throw new Error("not implemented");
        },
      }),
    });
    const { run } = await runs.open({ owner: OWNER });
    await clock.advance(8_000);
    expect(run!.signal.aborted).toBe(true);
  });
});
