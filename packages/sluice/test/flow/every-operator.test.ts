import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { everyOperator } from "./every-operator.ts";
import { collect, forbidStrayRejections, items, outcome, probe, takeFirst, turns } from "./support.ts";

forbidStrayRejections();

describe.each(Object.entries(everyOperator))("%s", (_, { over, ahead }) => {
  it("hands on every item, falsy ones too, and does not call return() at the end", async () => {
    await fc.assert(
      fc.asyncProperty(items, async (list) => {
        const source = probe(list);
        expect(await collect(over(source))).toEqual(list);
        expect(source.returns).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("pulls nothing before the consumer asks, and then no further than it may", async () => {
    const source = probe([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const iterator = over(source)[Symbol.asyncIterator]();
    await turns();
    expect(source.pulls).toBe(0);
    for (let asked = 1; asked <= 4; asked += 1) {
      expect(await iterator.next()).toEqual({ done: false, value: asked });
      await turns();
      expect(source.pulls).toBeGreaterThanOrEqual(asked);
      expect(source.pulls).toBeLessThanOrEqual(asked + ahead);
    }
    await iterator.return?.();
  });

  it("calls return() once when the consumer leaves, wherever", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5 }), async (count) => {
        const list = Array.from({ length: 20 }, (__, index) => index);
        const source = probe(list);
        expect(await takeFirst(over(source), count)).toEqual(list.slice(0, count));
        expect([source.opened, source.returns]).toEqual(source.pulls === 0 ? [source.opened, source.opened] : [1, 1]);
      }),
      { numRuns: 10 },
    );
  });

  it("waits until the source has cleaned up when it is left between two items", async () => {
    let clean = false;
    const source = probe([0, 1, 2, 3, 4, 5, 6, 7], {
      async onReturn() {
        await turns(2);
        clean = true;
      },
    });
    const iterator = over(source)[Symbol.asyncIterator]();
    await iterator.next();
    await turns();
    await iterator.return?.();
    expect(clean).toBe(true);
  });

  it("fails once with the source's error, after the items before it, and then is over", async () => {
    await fc.assert(
      fc.asyncProperty(items, async (list) => {
        const error = new Error("broke");
        const source = probe(list, { error });
        const iterator = over(source)[Symbol.asyncIterator]();
        const flow = { [Symbol.asyncIterator]: () => iterator };
        expect(await outcome(flow)).toEqual({ items: list, error });
        expect(await iterator.next()).toEqual({ done: true, value: undefined });
        expect(source.returns).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("calls return() of a source that hangs, and waits neither for it nor for the item", async () => {
    const source = probe([1, 2, 3], { hangs: true, onReturn: () => new Promise(() => {}) });
    const iterator = over(source)[Symbol.asyncIterator]();
    for (let asked = 0; asked < 3; asked += 1) await iterator.next();
    const waiting = iterator.next();
    await turns();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(source.returns).toBe(1);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await iterator.return?.();
    expect(source.returns).toBe(1);
  });

  it("is over for those who ask while the source still cleans up", async () => {
    const source = probe([1, 2, 3, 4, 5, 6, 7, 8], { onReturn: () => new Promise(() => {}) });
    const iterator = over(source)[Symbol.asyncIterator]();
    await iterator.next();
    await turns();
    void iterator.return?.();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await turns();
    expect(source.returns).toBe(1);
  });

  it("answers several calls of next() one after another", async () => {
    const iterator = over(probe(["a", "b"]))[Symbol.asyncIterator]();
    const steps = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    expect(steps.map(({ value }) => value as unknown)).toEqual(["a", "b", undefined, undefined]);
  });

  it("reports a failure to the first who waits, and the end to the others", async () => {
    const iterator = over(probe([], { error: new Error("broke") }))[Symbol.asyncIterator]();
    const steps = await Promise.allSettled([iterator.next(), iterator.next(), iterator.next()]);
    expect(steps.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  });

  it("takes a source that throws where it should reject", async () => {
    const bad: AsyncIterable<unknown> = {
      [Symbol.asyncIterator]: () => ({
        next() {
          throw new Error("thrown");
        },
      }),
    };
    await expect(collect(over(bad))).rejects.toThrow("thrown");
  });
});
