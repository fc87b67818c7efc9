import { describe, expect, it } from "vitest";
import { createHandover } from "../../src/graphs/handover.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await turn();
  return settled;
}

describe("a handover", () => {
  it("lets who pushes wait until what was pushed is taken, and the next is asked for", async () => {
    const handover = createHandover<number>();
    const items = handover[Symbol.asyncIterator]();
    const pushed = handover.push([1, 2]);
    expect(await isSettled(pushed)).toBe(false);
    expect(await items.next()).toEqual({ done: false, value: 1 });
    expect(await items.next()).toEqual({ done: false, value: 2 });
    expect(await isSettled(pushed)).toBe(false);
    const third = items.next();
    expect(await isSettled(pushed)).toBe(true);
    const again = handover.push([3]);
    expect(await third).toEqual({ done: false, value: 3 });
    handover.end();
    expect(await items.next()).toEqual({ done: true, value: undefined });
    expect(await isSettled(again)).toBe(true);
  });

  it("keeps the order of several who push at once", async () => {
    const handover = createHandover<number>();
    const pushes = Array.from({ length: 50 }, (_, index) => handover.push([2 * index, 2 * index + 1]));
    handover.end();
    const taken: number[] = [];
    for await (const item of handover) taken.push(item);
    expect(taken).toEqual(Array.from({ length: 100 }, (_, index) => index));
    await Promise.all(pushes);
  });

  it("throws after what came before the error, and drops what comes later", async () => {
    const handover = createHandover<number>();
    void handover.push([1]);
    handover.end({ error: new Error("no more") });
    handover.end();
    expect(await isSettled(handover.push([2]))).toBe(true);
    const items = handover[Symbol.asyncIterator]();
    expect(await items.next()).toEqual({ done: false, value: 1 });
    await expect(items.next()).rejects.toThrow("no more");
  });

  it("lets go of those who wait when nobody takes any more", async () => {
    const handover = createHandover<number>();
    const pushed = handover.push([1, 2, 3]);
    for await (const item of handover) if (item === 1) break;
    expect(await isSettled(pushed)).toBe(true);
    expect(await isSettled(handover.push([4]))).toBe(true);
  });
});
