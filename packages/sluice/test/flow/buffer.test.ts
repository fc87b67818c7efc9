import { describe, expect, it } from "vitest";
import { buffer } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, probe, turns } from "./support.ts";

forbidStrayRejections();

describe("buffer", () => {
  it("reads n items ahead of a consumer that is busy, and no more", async () => {
    const source = probe([1, 2, 3, 4, 5, 6, 7, 8]);
    const iterator = buffer(source, 3)[Symbol.asyncIterator]();
    await iterator.next();
    await turns();
    expect(source.pulls).toBe(4);
    await iterator.next();
    await turns();
    expect(source.pulls).toBe(5);
  });

  it("hands the first item on at once", async () => {
    const iterator = buffer(probe([1], { hangs: true }), 3)[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    await iterator.return?.();
  });

  it("holds the first back until startAt items are there", async () => {
    let add!: (n: number) => void;
    const source = new ReadableStream<number>({ start: (controller) => void (add = (n) => controller.enqueue(n)) });
    const iterator = buffer(source, 5, { startAt: 2 })[Symbol.asyncIterator]();
    const given: unknown[] = [];
    void iterator.next().then(({ value }) => given.push(value));
    add(1);
    await turns();
    expect(given).toEqual([]);
    add(2);
    await turns();
    expect(given).toEqual([1]);
    expect(await iterator.next()).toEqual({ done: false, value: 2 });
    void iterator.next().then(({ value }) => given.push(value));
    add(3);
    await turns();
    expect(given).toEqual([1, 3]);
    await iterator.return?.();
  });

  it("does not wait for items that will not come: the source ended or failed before", async () => {
    expect(await collect(buffer([1], 4, { startAt: 4 }))).toEqual([1]);
    const iterator = buffer(probe([1], { error: new Error("broke") }), 4, { startAt: 4 })[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    await expect(iterator.next()).rejects.toThrow("broke");
  });

  it("keeps an error that came early until its turn, and drops it when nobody asks", async () => {
    const asked = buffer(probe([1, 2], { error: new Error("broke") }), 9)[Symbol.asyncIterator]();
    await asked.next();
    await turns();
    expect(await asked.next()).toEqual({ done: false, value: 2 });
    await expect(asked.next()).rejects.toThrow("broke");
    const left = buffer(probe([1, 2], { error: new Error("broke") }), 9)[Symbol.asyncIterator]();
    await left.next();
    await turns();
    expect(await left.return?.()).toEqual({ done: true, value: undefined });
  });

  it("refuses a size that is no whole number from 1", () => {
    expect(() => buffer([], 0)).toThrow(expect.objectContaining({ code: "option/invalid" }));
    expect(() => buffer([], 1, { startAt: 0 })).toThrow(expect.objectContaining({ code: "option/invalid" }));
  });
});
