import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { untilAborted, whenAborted } from "../../src/base/abort.ts";
import { forbidStrayRejections, turns } from "../run/support.ts";

forbidStrayRejections();

async function* numbers(count: number, onLeft: () => void = () => {}): AsyncGenerator<number> {
  try {
    for (let n = 0; n < count; n += 1) yield n;
  } finally {
    onLeft();
  }
}

/** A signal that counts its listeners. */
function watched(): { readonly controller: AbortController; readonly signal: AbortSignal; listeners(): number } {
  const controller = new AbortController();
  const { signal } = controller;
  const { addEventListener, removeEventListener } = signal;
  const listening = new Set<unknown>();
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listening.add(given[1]);
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listening.delete(given[1]);
    removeEventListener.apply(signal, given);
  };
  return { controller, signal, listeners: () => listening.size };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const reason = new Error("stop it");

describe("untilAborted", () => {
  it("passes items on to the end when nobody aborts, and leaves no listener", async () => {
    const { signal, listeners } = watched();
    expect(await collect(untilAborted(numbers(5), signal))).toEqual([0, 1, 2, 3, 4]);
    expect(listeners()).toBe(0);
  });

  it("throws the reason at once when the signal fires while the source hangs, and lets go of the source", async () => {
    const { controller, signal, listeners } = watched();
    let returned = false;
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          returned = true;
          return new Promise(() => {});
        },
      }),
    };
    const next = untilAborted(source, signal).next();
    await turns(1);
    expect(listeners()).toBe(1);
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
    expect(returned).toBe(true);
    expect(listeners()).toBe(0);
  });

  it("throws the reason when the signal fires between two items", async () => {
    const controller = new AbortController();
    let left = false;
    const items = untilAborted(
      numbers(5, () => (left = true)),
      controller.signal,
    );
    expect(await items.next()).toEqual({ done: false, value: 0 });
    controller.abort(reason);
    await expect(items.next()).rejects.toBe(reason);
    await turns(1);
    expect(left).toBe(true);
  });

  it("asks nothing of a source when the signal has fired before", async () => {
    let asked = false;
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          asked = true;
          return { done: true, value: undefined };
        },
      }),
    };
    await expect(collect(untilAborted(source, AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(asked).toBe(false);
  });

  it("ignores what a source says or throws after the abort", async () => {
    const controller = new AbortController();
    let settle: { resolve(result: IteratorResult<number>): void; reject(error: unknown): void };
    for (const late of ["resolve", "reject"] as const) {
      const source: AsyncIterable<number> = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise((resolve, reject) => (settle = { resolve, reject })),
        }),
      };
      const own = late === "resolve" ? controller : new AbortController();
      const next = untilAborted(source, own.signal).next();
      await turns(1);
      own.abort(reason);
      await expect(next).rejects.toBe(reason);
      if (late === "resolve") settle!.resolve({ done: false, value: 1 });
      else settle!.reject(new Error("too late"));
    }
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("cannot return"))],
    [
      "throws",
      () => {
        throw new Error("cannot return");
      },
    ],
  ])("throws the reason also when return() of the source %s", async (_name, giveUp) => {
    const controller = new AbortController();
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: giveUp }),
    };
    const next = untilAborted(source, controller.signal).next();
    await turns(1);
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
  });

  it("passes on what the source throws, and does not ask a failed source to return", async () => {
    const { signal, listeners } = watched();
    const failure = new Error("broken");
    let returned = 0;
    for (const next of [
      () => Promise.reject(failure),
      () => {
        throw failure;
      },
    ]) {
      const source: AsyncIterable<number> = {
        [Symbol.asyncIterator]: () => ({
          next,
          return: async () => {
            returned += 1;
            return { done: true, value: undefined };
          },
        }),
      };
      await expect(collect(untilAborted(source, signal))).rejects.toBe(failure);
    }
    expect(returned).toBe(0);
    expect(listeners()).toBe(0);
  });

  it("lets go of the source when its consumer leaves early, also of one without return()", async () => {
    const { signal, listeners } = watched();
    let left = false;
    for await (const item of untilAborted(
      numbers(5, () => (left = true)),
      signal,
    ))
      if (item === 2) break;
    await turns(1);
    expect(left).toBe(true);
    const bare: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: 1 }) }),
    };
    for await (const item of untilAborted(bare, signal)) if (item === 1) break;
    expect(listeners()).toBe(0);
  });

  it("keeps no item that was passed on, however long the signal lives", async () => {
    const controller = new AbortController();
    const kept: WeakRef<object>[] = [];
    async function* objects(): AsyncGenerator<object> {
      for (let n = 0; n < 2_000; n += 1) {
        const item = { n };
        kept.push(new WeakRef(item));
        yield item;
      }
      await turns(1);
      yield {};
    }
    const items = untilAborted(objects(), controller.signal);
    for (let n = 0; n < 2_000; n += 1) await items.next();
    await collectGarbage();
    expect(kept.filter((item) => item.deref() !== undefined).length).toBeLessThan(100);
    expect((await items.next()).done).toBe(false);
  });
});

describe("whenAborted", () => {
  it("resolves when the signal fires, or has fired, and never rejects", async () => {
    const { controller, signal, listeners } = watched();
    const wait = whenAborted(signal);
    let fired = false;
    void wait.promise.then(() => (fired = true));
    await turns(1);
    expect(fired).toBe(false);
    controller.abort(reason);
    await wait.promise;
    await whenAborted(signal).promise;
    wait.dispose();
    expect(listeners()).toBe(0);
  });

  it("lets go of the signal when it is disposed of", () => {
    const { signal, listeners } = watched();
    const waits = Array.from({ length: 8 }, () => whenAborted(signal));
    expect(listeners()).toBe(8);
    for (const wait of waits) wait.dispose();
    expect(listeners()).toBe(0);
  });
});

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  await turns(1); // weak references hold until the turn of the loop is over
  if (typeof collect === "function") collect();
  await turns(1);
}
