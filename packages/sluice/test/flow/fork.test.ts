import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fork, Pump } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, items, outcome, probe, takeFirst, turns } from "./support.ts";

forbidStrayRejections();

describe("fork", () => {
  it("gives both branches every item, whatever order they are read in", async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 4 }), fc.scheduler(), async (list, ahead, scheduler) => {
        const source = probe(list);
        const read = async (flow: AsyncIterable<unknown>, name: string): Promise<unknown[]> => {
          const all: unknown[] = [];
          for await (const item of flow) {
            all.push(item);
            await scheduler.schedule(Promise.resolve(), name);
          }
          return all;
        };
        const [one, other] = fork(source, { ahead });
        const both = Promise.all([read(one, "one"), read(other, "other")]);
        await scheduler.waitFor(both);
        expect(await both).toEqual([list, list]);
        expect([source.pulls, source.returns]).toEqual([list.length + 1, 0]);
      }),
    );
  });

  it("lets one branch be `ahead` items ahead, and no more", async () => {
    const source = probe([1, 2, 3, 4, 5]);
    const [one, other] = fork(source, { ahead: 2 });
    await one.next();
    await one.next();
    let given = false;
    const third = one.next().then(({ value }) => {
      given = true;
      return value as unknown;
    });
    await turns();
    expect([given, source.pulls]).toEqual([false, 2]);
    expect(await other.next()).toEqual({ done: false, value: 1 });
    expect([await third, source.pulls]).toEqual([3, 3]);
    await Promise.all([one.return?.(), other.return?.()]);
  });

  it("holds a branch up no longer when the other is left", async () => {
    const source = probe([1, 2, 3]);
    const [one, other] = fork(source, { ahead: 1 });
    await one.next();
    const second = one.next();
    await turns();
    expect(source.pulls).toBe(1);
    await other.return?.();
    expect(await second).toEqual({ done: false, value: 2 });
    expect(await collect(one)).toEqual([3]);
    expect(source.returns).toBe(0);
  });

  it("leaves the source when both branches are left, once", async () => {
    const source = probe([1, 2, 3, 4]);
    const [one, other] = Pump.from(source).fork();
    expect(await takeFirst(one, 1)).toEqual([1]);
    expect(source.returns).toBe(0);
    expect(await takeFirst(other, 2)).toEqual([1, 2]);
    expect(source.returns).toBe(1);
  });

  it("fails both branches with the source's error, each after its items", async () => {
    const error = new Error("broke");
    const [one, other] = fork(probe([1, 2], { error }));
    expect(await outcome(one)).toEqual({ items: [1, 2], error });
    expect(await outcome(other)).toEqual({ items: [1, 2], error });
  });

  it("reports an error to nobody when nobody asks", async () => {
    const [one, other] = fork(probe([1], { error: new Error("broke") }));
    await expect(collect(one)).rejects.toThrow("broke");
    await other.return?.();
  });

  it("gives branches that are pumps", async () => {
    const [one, other] = Pump.from([1, 2, 3]).fork();
    const evens = one.filter((n) => n % 2 === 0);
    expect(await Promise.all([collect(evens), collect(other.map(String))])).toEqual([[2], ["1", "2", "3"]]);
  });
});
