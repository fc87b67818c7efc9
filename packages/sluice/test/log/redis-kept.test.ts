import { describe, expect, it } from "vitest";
import { KeptTails, type KeptOptions } from "../../src/log/redis/kept.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";

interface Kept {
  readonly kept: KeptTails;
  readonly clock: ManualClock;
  calm: boolean;
  /** Appends to a log, one entry of this text, behind what it has. */
  add(id: string, text: string): void;
  /** What is kept of it. */
  of(id: string): readonly string[] | undefined;
}

function create(options: Partial<KeptOptions> = {}): Kept {
  const clock = createManualClock();
  const world: Kept = {
    kept: new KeptTails({ clock, keepMs: 10_000, isCalm: () => world.calm, ...options }),
    clock,
    calm: true,
    add(id, text) {
      world.kept.add(id, "made", { expected: world.kept.get(id)?.last ?? 0, fence: 1 }, [text]);
    },
    of(id) {
      const tail = world.kept.get(id);
      for (let after = 0; tail && after <= tail.last; after += 1) {
        const entries = tail.between(after, tail.last);
        if (entries) return entries;
      }
      return undefined;
    },
  };
  return world;
}

describe("what a node keeps of its appends", () => {
  it("is any part of what was appended, by number, and nothing beyond", () => {
    const { kept } = create();
    kept.add("log", "made", { expected: 4, fence: 1 }, ["5", "6"]);
    kept.add("log", "made", { expected: 6, fence: 1 }, ["7"]);
    const tail = kept.find("log", "made", 1);
    expect(tail?.between(4, 7)).toEqual(["5", "6", "7"]);
    expect(tail?.between(5, 6)).toEqual(["6"]);
    expect(tail?.between(7, 7)).toEqual([]);
    expect(tail?.between(3, 7)).toBeUndefined();
    expect(tail?.between(4, 8)).toBeUndefined();
  });

  it("is of one making of a log and one fence", () => {
    const { kept } = create();
    kept.add("log", "made", { expected: 0, fence: 1 }, ["1", "2"]);
    expect(kept.find("log", "made again", 1)).toBeUndefined();
    expect(kept.find("log", "made", 2)).toBeUndefined();
    kept.add("log", "made", { expected: 2, fence: 2 }, ["3"]);
    expect(kept.find("log", "made", 2)?.between(2, 3)).toEqual(["3"]);
    expect(kept.find("log", "made", 2)?.between(1, 3)).toBeUndefined();
  });

  it("is kept once, when an append is answered twice", () => {
    const { kept } = create();
    kept.add("log", "made", { expected: 0, fence: 1 }, ["1"]);
    kept.add("log", "made", { expected: 1, fence: 1 }, ["2"]);
    kept.add("log", "made", { expected: 0, fence: 1 }, ["1"]);
    expect(kept.find("log", "made", 1)?.between(0, 2)).toEqual(["1", "2"]);
  });

  it("is let go of after its time, the last number of an open log is not", async () => {
    const world = create();
    world.add("log", "1");
    await world.clock.advance(5_000);
    world.add("log", "2");
    await world.clock.advance(5_900);
    expect(world.of("log")).toEqual(["1", "2"]);
    await world.clock.advance(1_100);
    expect(world.of("log")).toEqual(["2"]);
    await world.clock.advance(5_000);
    expect(world.of("log")).toEqual([]);
    expect(world.kept.get("log")?.last).toBe(2);
    expect(world.kept.length).toBe(0);
    expect(world.clock.timers).toBe(0);
  });

  it("of a log that it closed is let go of as a whole", async () => {
    const world = create();
    world.kept.add("log", "made", { expected: 0, fence: 1 }, ["t"], "");
    await world.clock.advance(11_000);
    expect(world.kept.get("log")).toBeUndefined();
    expect(world.clock.timers).toBe(0);
  });

  it("does not grow older while Redis does not answer", async () => {
    const world = create();
    world.add("log", "1");
    world.calm = false;
    await world.clock.advance(600_000);
    world.calm = true;
    await world.clock.advance(9_900);
    expect(world.of("log")).toEqual(["1"]);
    await world.clock.advance(1_100);
    expect(world.of("log")).toEqual([]);
  });

  it("is bounded for a log: the oldest goes first, and what is too large is not kept at all", () => {
    const world = create({ logLength: 224 });
    for (let n = 0; n < 10; n += 1) world.add("log", `${n}`.repeat(24));
    expect(world.of("log")?.map((text) => text[0])).toEqual(["6", "7", "8", "9"]);
    world.add("log", "x".repeat(224));
    expect(world.of("log")).toEqual([]);
    expect(world.kept.get("log")?.last).toBe(11);
    world.add("log", "y");
    expect(world.of("log")).toEqual(["y"]);
  });

  it("is bounded for all logs: that goes first which was appended to longest ago", () => {
    const world = create({ storeLength: 10_000 });
    for (let n = 0; n < 100; n += 1) {
      world.add(`log ${n}`, "x".repeat(99));
      world.add("busy", "");
      expect(world.kept.length).toBeLessThanOrEqual(10_000);
    }
    expect(world.of("log 99")).toHaveLength(1);
    expect(world.of("log 95")).toHaveLength(1);
    expect(world.of("log 10")).toEqual([]);
    expect(world.of("busy")?.length).toBeGreaterThan(50);
  });

  it("is nothing with a time of 0", () => {
    const world = create({ keepMs: 0 });
    world.add("log", "1");
    expect(world.of("log")).toEqual([]);
    expect(world.kept.get("log")?.last).toBe(1);
    expect(world.clock.timers).toBe(0);
  });

  it("knows of 16,384 logs at most", () => {
    const world = create({ keepMs: 0 });
    for (let n = 0; n < 20_000; n += 1) world.add(`log ${n}`, "");
    expect(world.kept.ids).toHaveLength(16_384);
    expect(world.kept.get("log 19999")?.last).toBe(1);
  });

  it("is gone when the store is let go of", () => {
    const world = create();
    world.add("log", "1");
    world.kept.release();
    expect([world.kept.length, world.kept.ids, world.clock.timers]).toEqual([0, [], 0]);
  });
});
