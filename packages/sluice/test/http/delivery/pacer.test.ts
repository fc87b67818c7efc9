import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPacer, type Paced, type Pacer } from "../../../src/http/delivery/pacer.ts";
import { createManualClock, type ManualClock } from "../../../src/testing/manual-clock.ts";

interface Bench {
  readonly clock: ManualClock;
  readonly pacer: Pacer;
  /** How busy the event loop is. */
  load: number;
  task(): Paced & { readonly at: readonly number[] };
}

function bench(options: { readonly flushMs?: number; readonly maxFlushMs?: number } = {}): Bench {
  const clock = createManualClock(1_000);
  const state = { load: 0 };
  const { flushMs = 0, maxFlushMs = 100 } = options;
  return Object.assign(state, {
    clock,
    pacer: createPacer({ clock, flushMs, maxFlushMs, load: () => state.load }),
    task() {
      const at: number[] = [];
      return { at, flushedAt: Number.NEGATIVE_INFINITY, flush: () => void at.push(clock.now() - 1_000) };
    },
  });
}

/** Work that comes all the time, for some seconds. */
async function work({ clock, pacer }: Bench, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    pacer.schedule({ flushedAt: Number.NEGATIVE_INFINITY, flush: () => {} });
    await clock.advance(50);
  }
}

describe("the pacer", () => {
  it("flushes in the same turn, without a timer, while the event loop has time", () => {
    const { pacer, clock, task } = bench();
    const one = task();
    for (let left = 5; left > 0; left -= 1) pacer.schedule(one);
    expect([one.at, clock.timers, pacer.windowMs]).toEqual([[0, 0, 0, 0, 0], 0, 0]);
  });

  it("never delays the first flush of a run, nor one after a pause, whatever the window and the load", async () => {
    const busy = bench({ flushMs: 80 });
    busy.load = 1;
    await work(busy, 3_000);
    expect(busy.pacer.windowMs).toBe(100);
    const one = busy.task();
    busy.pacer.schedule(one);
    expect(one.at).toEqual([3_000]);
    await busy.clock.advance(100);
    busy.pacer.schedule(one);
    expect(one.at).toEqual([3_000, 3_100]);
  });

  it("has its window half open after a tenth of a second without time", async () => {
    const busy = bench();
    busy.load = 1;
    for (let ms = 0; ms < 100; ms += 5) {
      busy.pacer.schedule(busy.task());
      await busy.clock.advance(5);
    }
    expect(busy.pacer.windowMs).toBeGreaterThanOrEqual(50);
    busy.load = 0.5;
    for (let ms = 0; ms < 200; ms += 5) {
      busy.pacer.schedule(busy.task());
      await busy.clock.advance(5);
    }
    expect(busy.pacer.windowMs).toBe(0);
  });

  it("keeps the least time between two flushes of a run, and flushes then", async () => {
    const { pacer, clock, task } = bench({ flushMs: 20 });
    const one = task();
    pacer.schedule(one);
    await clock.advance(5);
    pacer.schedule(one);
    await clock.advance(19);
    expect(one.at).toEqual([0]);
    await clock.advance(1);
    expect([one.at, clock.timers]).toEqual([[0, 25], 0]);
  });

  it("waits for many runs with one timer", async () => {
    const { pacer, clock, task } = bench({ flushMs: 20 });
    const tasks = Array.from({ length: 100 }, task);
    for (const one of tasks) pacer.schedule(one);
    for (const one of tasks) pacer.schedule(one);
    expect(clock.timers).toBe(1);
    await clock.advance(20);
    expect(tasks.every(({ at }) => at.length === 2)).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it("opens a window while the event loop has no time, up to its limit, and closes it again", async () => {
    const site = bench();
    const seen: number[] = [];
    for (const [load, rounds] of [
      [0.95, 10],
      [0.8, 3],
      [0.3, 10],
    ] as const) {
      site.load = load;
      for (let left = rounds; left > 0; left -= 1) {
        await work(site, 100);
        seen.push(site.pacer.windowMs);
      }
    }
    const [opening, staying, closing] = [seen.slice(0, 10), seen.slice(10, 13), seen.slice(13)];
    expect(opening[0]).toBeGreaterThan(0);
    expect(opening[0]).toBeLessThan(20);
    expect(opening).toEqual(opening.toSorted((a, b) => a - b));
    expect(opening.at(-1)).toBe(100);
    expect(staying).toEqual([100, 100, 100]);
    expect(closing).toEqual(closing.toSorted((a, b) => b - a));
    expect(closing.at(-1)).toBe(0);
    expect(site.clock.timers).toBe(0);
  });

  // The load was not looked at again until the clock was as late as before.
  // After a machine's time had been set back by an hour a window stayed open, or closed under load, for that hour.
  it("goes on looking at the load when the machine's time is set back", async () => {
    const clock = createManualClock(10_000_000);
    const state = { load: 0.95, back: 0 };
    const set = { now: () => clock.now() - state.back, timer: clock.timer };
    const pacer = createPacer({ clock: set, flushMs: 0, maxFlushMs: 100, load: () => state.load });
    const site = { clock, pacer, load: 0, task: bench().task };
    await work(site, 1_000);
    expect(pacer.windowMs).toBe(100);
    state.back = 3_600_000;
    state.load = 0.1;
    await work(site, 1_000);
    expect(pacer.windowMs).toBe(0);
  });

  it("does not look at the load where the window may not grow", async () => {
    let looks = 0;
    const clock = createManualClock();
    const pacer = createPacer({ clock, flushMs: 10, maxFlushMs: 0, load: () => (looks += 1) });
    pacer.schedule({ flushedAt: Number.NEGATIVE_INFINITY, flush: () => {} });
    await clock.advance(1_000);
    pacer.schedule({ flushedAt: Number.NEGATIVE_INFINITY, flush: () => {} });
    expect([looks, pacer.windowMs]).toEqual([0, 10]);
  });

  it("goes by flushMs where that is more than the load asks for", async () => {
    const site = bench({ flushMs: 30, maxFlushMs: 10 });
    site.load = 1;
    await work(site, 1_000);
    expect(site.pacer.windowMs).toBe(30);
  });

  it("flushes each task once for each time it was asked, within a window, and about once in a window", async () => {
    const gaps = fc.array(fc.tuple(fc.nat(2), fc.nat(30)), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(gaps, fc.integer({ min: 1, max: 50 }), async (steps, flushMs) => {
        const { pacer, clock, task } = bench({ flushMs });
        const tasks = [task(), task(), task()];
        const asked: number[][] = [[], [], []];
        for (const [which, ms] of steps) {
          const one = tasks[which]!;
          // As a feed does: one that waits is not asked again.
          if (asked[which]!.length === one.at.length) {
            asked[which]!.push(clock.now() - 1_000);
            pacer.schedule(one);
          }
          await clock.advance(ms);
        }
        await clock.advance(flushMs);
        expect(clock.timers).toBe(0);
        for (const [which, one] of tasks.entries()) {
          expect(one.at).toHaveLength(asked[which]!.length);
          for (const [index, at] of one.at.entries()) {
            const delay = at - asked[which]![index]!;
            expect(delay >= 0 && delay <= flushMs).toBe(true);
            const third = one.at[index + 2];
            if (third !== undefined) expect(third - at).toBeGreaterThanOrEqual(flushMs);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
