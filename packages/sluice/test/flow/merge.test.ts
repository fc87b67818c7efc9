import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { merge, Pump } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, outcome, probe, turns } from "./support.ts";

forbidStrayRejections();

describe("merge", () => {
  it("gives every item of every source once, each source's in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { maxLength: 5 }), fc.scheduler(), async (lengths, scheduler) => {
        const lists = lengths.map((length, from) => Array.from({ length }, (_, index) => ({ from, index })));
        const later = async function* <T>(list: readonly T[]): AsyncGenerator<T> {
          for (const item of list) yield await scheduler.schedule(Promise.resolve(item));
        };
        const all = collect(merge(lists.map(later)));
        await scheduler.waitFor(all);
        const came = await all;
        expect(came).toHaveLength(lists.flat().length);
        for (const [from, list] of lists.entries()) expect(came.filter((item) => item.from === from)).toEqual(list);
      }),
    );
  });

  it("takes turns between sources that are all ready", async () => {
    const flow = merge([["a", "a", "a"], ["b", "b", "b"], ["c"]]);
    expect((await collect(flow)).join("")).toBe("abcabab");
  });

  it("is not held up by a source that hangs", async () => {
    const slow = probe([], { hangs: true });
    const iterator = merge<number>([slow, [1, 2]])[Symbol.asyncIterator]();
    expect([await iterator.next(), await iterator.next()].map(({ value }) => value as unknown)).toEqual([1, 2]);
    await iterator.return?.();
    expect(slow.returns).toBe(1);
  });

  it("holds at most one item of each source that was not asked for", async () => {
    const sources = [probe([1, 2, 3]), probe([4, 5, 6])];
    const iterator = merge(sources)[Symbol.asyncIterator]();
    await iterator.next();
    await turns();
    expect(sources.map(({ pulls }) => pulls)).toEqual([1, 1]);
    expect(await iterator.next()).toEqual({ done: false, value: 4 });
    await turns();
    expect(sources.map(({ pulls }) => pulls)).toEqual([2, 1]);
    await iterator.return?.();
    expect(sources.map(({ returns }) => returns)).toEqual([1, 1]);
  });

  it("leaves the others when one fails, and hands on first what had come", async () => {
    const error = new Error("broke");
    const other = probe([2, 3]);
    expect(await outcome(merge([probe([1], { error }), other]))).toEqual({ items: [1, 2], error });
    expect(other.returns).toBe(1);
  });

  it("reports one error when all fail at once", async () => {
    const sources = ["one", "other"].map((message) => probe([], { error: new Error(message) }));
    await expect(collect(merge(sources))).rejects.toThrow("one");
  });

  it("of nothing is over at once", async () => {
    expect(await collect(merge([]))).toEqual([]);
  });

  it("joins others to a pump", async () => {
    const all = await collect(Pump.from([1, 2]).merge(["a"], ["b"]));
    expect(all.map(String).toSorted()).toEqual(["1", "2", "a", "b"]);
  });
});
