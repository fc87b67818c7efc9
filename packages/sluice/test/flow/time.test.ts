import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pace, Pump, timeout } from "../../src/flow/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { forbidStrayRejections, probe, turns } from "./support.ts";

forbidStrayRejections();

describe("timeout", () => {
  it("fails with its code when an item takes too long, and leaves the source without waiting for it", async () => {
    const clock = createManualClock();
    const source = probe([1], { hangs: true, onReturn: () => new Promise(() => {}) });
    const seen = watch(timeout(source, 100, { clock }), clock);
    await clock.advance(99);
    expect(seen.error()).toBeUndefined();
    await clock.advance(1);
    expect(seen.error()).toMatchObject({ code: "flow/timeout", details: { ms: 100 } });
    expect([seen.items(), source.returns, clock.timers]).toEqual([[1], 1, 0]);
  });

  it("counts from when the consumer asks: a slow consumer costs the source nothing", async () => {
    const clock = createManualClock();
    const iterator = timeout([1, 2, 3], 100, { clock })[Symbol.asyncIterator]();
    for (const value of [1, 2, 3]) {
      await clock.advance(500);
      expect(await iterator.next()).toEqual({ done: false, value });
    }
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(clock.timers).toBe(0);
  });

  it("begins anew with each item", async () => {
    const clock = createManualClock();
    const seen = watch(timeout(every(60, 5, clock), 100, { clock }), clock);
    await clock.advance(1_000);
    expect(seen).toMatchObject({ times: [60, 120, 180, 240, 300] });
    expect([seen.error(), clock.timers]).toEqual([undefined, 0]);
  });

  it("lets go of its timer when the consumer leaves or the source fails", async () => {
    const clock = createManualClock();
    const left = timeout(probe([1], { hangs: true }), 100, { clock })[Symbol.asyncIterator]();
    await left.next();
    void left.next();
    await left.return?.();
    await expect(
      Pump.from(probe([1], { error: new Error("broke") }))
        .timeout(100, { clock })
        .drain(),
    ).rejects.toThrow("broke");
    expect(clock.timers).toBe(0);
  });

  it("waits for ever with Infinity, and longer than a timer can hold", async () => {
    const clock = createManualClock();
    for (const ms of [Infinity, 2 ** 40]) {
      const seen = watch(timeout(probe([], { hangs: true }), ms, { clock }), clock);
      await clock.advance(2 ** 32);
      expect(seen.error()).toBeUndefined();
    }
  });
});

describe("pace", () => {
  it("spreads a burst: the first at once, the others an interval apart", async () => {
    const clock = createManualClock();
    const seen = watch(pace([1, 2, 3, 4], { intervalMs: 20, maxDelayMs: 1_000, clock }), clock);
    await clock.advance(1_000);
    expect(seen).toMatchObject({ times: [0, 20, 40, 60] });
    expect(clock.timers).toBe(0);
  });

  it("follows faster when many wait, so that none waits longer than the limit", async () => {
    const clock = createManualClock();
    const burst = Array.from({ length: 51 }, (_, index) => index);
    const seen = watch(pace(burst, { intervalMs: 20, maxDelayMs: 100, clock }), clock);
    await clock.advance(1_000);
    expect(seen.items()).toEqual(burst);
    expect(seen.times.at(-1)).toBeLessThanOrEqual(100);
    expect(seen.times.at(-1)).toBeGreaterThan(90);
    expect(new Set(seen.times).size).toBeGreaterThan(40);
  });

  it("does not slow a source that is slower than the interval", async () => {
    const clock = createManualClock();
    const seen = watch(pace(every(60, 3, clock), { intervalMs: 20, clock }), clock);
    await clock.advance(1_000);
    expect(seen).toMatchObject({ times: [60, 120, 180] });
  });

  it("keeps order and values, and no item longer than the limit, whatever comes when", async () => {
    const arrivals = fc.array(fc.record({ after: fc.constantFrom(0, 0, 0, 3, 50, 400), value: fc.anything() }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 0, max: 60 }), async (list, maxDelayMs) => {
        const clock = createManualClock();
        const came: number[] = [];
        const source = async function* (): AsyncGenerator<unknown> {
          for (const { after, value } of list) {
            if (after > 0) await new Promise<void>((resolve) => clock.timer(after, resolve));
            came.push(clock.now());
            yield value;
          }
        };
        const seen = watch(pace(source(), { intervalMs: 20, maxDelayMs, clock }), clock);
        await clock.advance(list.reduce((sum, { after }) => sum + after, 100));
        expect(seen.items()).toEqual(list.map(({ value }) => value));
        expect(seen.done()).toBe(true);
        for (const [index, time] of seen.times.entries()) {
          expect(time).toBeLessThanOrEqual((came[index] ?? 0) + maxDelayMs + 1e-6);
        }
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it("does not slow a source that brings more than may wait", async () => {
    const clock = createManualClock();
    const many = Array.from({ length: 1_000 }, (_, index) => index);
    const seen = watch(pace(many, { intervalMs: 20, maxDelayMs: 500, ahead: 10, clock }), clock);
    await clock.advance(500);
    expect(seen.items()).toHaveLength(1_000);
  });

  it("gives a consumer that asks late what is due, at once", async () => {
    const clock = createManualClock();
    const iterator = pace([1, 2, 3], { intervalMs: 20, clock })[Symbol.asyncIterator]();
    for (const value of [1, 2, 3]) {
      expect(await iterator.next()).toEqual({ done: false, value });
      await clock.advance(600);
    }
  });

  it("paces what came before an error, then fails", async () => {
    const clock = createManualClock();
    const seen = watch(pace(probe([1, 2], { error: new Error("broke") }), { intervalMs: 20, clock }), clock);
    await clock.advance(19);
    expect([seen.items(), seen.error()]).toEqual([[1], undefined]);
    await clock.advance(1);
    expect([seen.items(), seen.error()]).toEqual([[1, 2], new Error("broke")]);
  });

  it("lets go of its timer when the consumer leaves", async () => {
    const clock = createManualClock();
    const iterator = pace([1, 2, 3], { clock })[Symbol.asyncIterator]();
    await iterator.next();
    void iterator.next();
    await turns();
    expect(clock.timers).toBe(1);
    await iterator.return?.();
    expect(clock.timers).toBe(0);
  });
});

interface Seen<T> {
  readonly times: readonly number[];
  items(): readonly T[];
  error(): unknown;
  done(): boolean;
}

/** Reads a flow, and notes when each item came. */
function watch<T>(flow: AsyncIterable<T>, clock: ManualClock): Seen<T> {
  const items: T[] = [];
  const times: number[] = [];
  let error: unknown;
  let done = false;
  const read = async (): Promise<void> => {
    for await (const item of flow) {
      items.push(item);
      times.push(clock.now());
    }
    done = true;
  };
  read().catch((reason: unknown) => (error = reason));
  return { times, items: () => items, error: () => error, done: () => done };
}

async function* every(ms: number, count: number, clock: ManualClock): AsyncGenerator<number> {
  for (let n = 0; n < count; n += 1) {
    await new Promise<void>((resolve) => clock.timer(ms, resolve));
    yield n;
  }
}
