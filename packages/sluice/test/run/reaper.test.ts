import { describe, expect, it } from "vitest";
import { createRuns } from "../../src/run/index.ts";
import { OWNER, createWorld, forbidStrayRejections, turns, type World } from "./support.ts";

forbidStrayRejections();

/** Two nodes on one store. `cutOff` takes the first one's leases away from it, as a pause or a lost network does. */
function createPair(): World & { readonly other: ReturnType<typeof createRuns>; cutOff(): void } {
  let cut = false;
  const world = createWorld({
    over: (memory) => ({
      reach: "cluster",
      lease: (id, request) =>
        cut && !request.holder.endsWith("reaper") && request.fence !== undefined
          ? new Promise(() => {})
          : memory.lease(id, request),
      lapsed: (limit) => memory.lapsed(limit),
    }),
  });
  const other = createRuns({ store: world.store, clock: world.clock });
  return { ...world, other, cutOff: () => (cut = true) };
}

describe("a run whose producer is gone", () => {
  it("gets an error terminal from another node at most a lease and two scans later, once", async () => {
    const { runs, clock, cutOff, read, lines } = createPair();
    const { run, id } = await runs.open({ owner: OWNER });
    await run!.append({ type: "text-start", id: "t" });
    await run!.append({ type: "text-delta", id: "t", delta: "so far" });
    await clock.advance(0);
    cutOff();
    await clock.advance(9_000);
    expect(await read(id)).toMatchObject([
      { type: "start" },
      { type: "text-start" },
      { type: "text-delta", delta: "so far" },
      { type: "error", code: "run/producer-lost" },
    ]);
    expect(await runs.get(id)).toMatchObject({ status: "failed", error: { code: "run/producer-lost" } });
    expect(lines.filter(({ message }) => message === "run reaped").length).toBeLessThan(2);
  });

  it("shuts its producer out when that one wakes up: the append fails, and its signal fires", async () => {
    const { runs, clock, cutOff, read } = createPair();
    const { run, id } = await runs.open({ owner: OWNER });
    cutOff();
    await clock.advance(9_000);
    await run!.append({ type: "text-start", id: "late" }).catch(() => {});
    await turns(5);
    expect(run!.signal.aborted).toBe(true);
    await expect(run!.append({ type: "text-end", id: "late" })).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:log\/fenced|log\/closed|run\/ended)$/) as string,
    });
    await runs.ended(id);
    expect((await read(id)).filter((event) => "type" in event && event.type === "text-start")).toEqual([]);
    expect(runs.producing).toBe(0);
  });

  it("ends as aborted when somebody had asked it to stop", async () => {
    const { store, clock, other, runs } = createPair();
    await store.create("run_lost", {
      owner: OWNER,
      meta: {},
      ttlMs: 1e9,
      lease: { holder: "gone", ttlMs: 1_000 },
    });
    await other.stop("run_lost");
    await clock.advance(3_000);
    expect(await runs.get("run_lost")).toMatchObject({ status: "aborted" });
  });

  it("has a first event also when its producer never wrote one", async () => {
    const { store, clock, read } = createPair();
    await store.create("run_lost", { owner: OWNER, meta: {}, ttlMs: 1e9, lease: { holder: "gone", ttlMs: 1_000 } });
    await clock.advance(3_000);
    expect(await read("run_lost")).toMatchObject([{ type: "start", messageId: "msg_lost" }, { type: "error" }]);
  });

  it("is left alone while its producer renews, and so is a log that nobody holds", async () => {
    const { runs, clock, store } = createPair();
    const { id } = await runs.open({ owner: OWNER });
    await store.create("thread", { owner: OWNER, meta: {}, ttlMs: 1e9 });
    await clock.advance(60_000);
    expect(await runs.get(id)).toMatchObject({ status: "running" });
    expect((await store.state("thread"))?.closedAt).toBeUndefined();
  });

  it("is not looked for once a node has drained, nor in a store that ends with its process", async () => {
    const { runs, other, clock } = createPair();
    await Promise.all([runs.drain(AbortSignal.abort()), other.drain(AbortSignal.abort())]);
    await clock.advance(5_000);
    expect(clock.timers).toBe(0);
    const alone = createWorld();
    expect(alone.clock.timers).toBe(0);
  });
});

describe("a node that lives shorter than one interval", () => {
  // A process that crashed again and again looked for the first time an interval after each start: it ended nothing.
  it("ends what the one before it has left, without any time going by", async () => {
    const { store, clock } = createWorld();
    await store.create("run_lost", { owner: OWNER, meta: {}, ttlMs: 1e9, lease: { holder: "gone", ttlMs: 1_000 } });
    await clock.advance(1_000);
    const { runs, clock: own } = createWorld({ store, reapMs: 60_000, over: () => ({ reach: "machine" }) });
    await turns();
    expect(await runs.get("run_lost")).toMatchObject({ status: "failed", error: { code: "run/producer-lost" } });
    expect(own.now()).toBe(1_000_000);
  });

  it("leaves alone what has not lapsed, and looks again after the interval", async () => {
    const { store, clock, runs } = createWorld({ over: () => ({ reach: "machine" }) });
    await store.create("run_held", { owner: OWNER, meta: {}, ttlMs: 1e9, lease: { holder: "other", ttlMs: 1_500 } });
    await clock.advance(1_000);
    expect(await runs.get("run_held")).toMatchObject({ status: "running" });
    await clock.advance(1_000);
    expect(await runs.get("run_held")).toMatchObject({ status: "failed" });
  });

  it("leaves nothing behind when it ends during its first look", async () => {
    let answer = (_ids: readonly string[]): void => {};
    const lapsed = new Promise<readonly string[]>((resolve) => (answer = resolve));
    const { runs, clock } = createWorld({ over: () => ({ reach: "machine", lapsed: () => lapsed }) });
    await runs.drain(AbortSignal.abort());
    answer([]);
    await turns();
    expect(clock.timers).toBe(0);
  });
});

describe("how often a node looks", () => {
  it("is a quarter of a short lease, so that a shared store does not take its silence for an outage", async () => {
    let looks = 0;
    const { clock } = createWorld({
      leaseMs: 1_000,
      over: () => ({
        reach: "cluster",
        lapsed: () => {
          looks += 1;
          return Promise.resolve([]);
        },
      }),
    });
    const counted: number[] = [];
    for (const ms of [0, 249, 1, 250, 250, 250]) {
      await clock.advance(ms);
      counted.push(looks);
    }
    expect(counted).toEqual([1, 1, 2, 3, 4, 5]);
  });
});
