import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { map, Pump, type Source } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, probe, takeFirst, turns } from "./support.ts";

forbidStrayRejections();

interface Kind {
  /** Gives 1, 2, 3, then ends. */
  readonly source: Source<number>;
  /** Whether it was told to stop. */
  readonly left: () => boolean;
}

const kinds: Readonly<Record<string, () => Kind>> = {
  "an array": () => ({ source: [1, 2, 3], left: () => true }),
  "promises in an array": () => ({ source: [1, Promise.resolve(2), 3], left: () => true }),
  "a generator"() {
    let left = false;
    const source = (function* () {
      try {
        yield* [1, 2, 3];
      } finally {
        left = true;
      }
    })();
    return { source, left: () => left };
  },
  "an async generator"() {
    let left = false;
    const source = (async function* () {
      try {
        yield* [1, 2, 3];
      } finally {
        left = true;
      }
    })();
    return { source, left: () => left };
  },
  "a ReadableStream"() {
    let left = false;
    return { source: streamOf([1, 2, 3], () => (left = true)), left: () => left };
  },
  "a ReadableStream that is no async iterable"() {
    let left = false;
    const stream = streamOf([1, 2, 3], () => (left = true));
    Object.defineProperty(stream, Symbol.asyncIterator, { value: undefined });
    return { source: stream, left: () => left };
  },
  "a Node stream"() {
    const source = Readable.from([1, 2, 3]);
    return { source, left: () => source.destroyed };
  },
  "a pump": () => ({ source: Pump.from([1, 2, 3]), left: () => true }),
};

describe.each(Object.entries(kinds))("%s as a source", (_, make) => {
  it("is read to its end", async () => {
    expect(await collect(Pump.from(make().source).map((n) => n * 2))).toEqual([2, 4, 6]);
  });

  it("is a source of a function too", async () => {
    expect(await collect(map(make().source, (n) => n * 2))).toEqual([2, 4, 6]);
  });

  it("is let go of when the consumer leaves", async () => {
    const { source, left } = make();
    expect(await takeFirst(Pump.from(source), 2)).toEqual([1, 2]);
    await turns(1);
    expect(left()).toBe(true);
  });
});

describe("a source that hangs", () => {
  it("is cancelled when it is a ReadableStream", async () => {
    let reason: unknown = "not cancelled";
    const source = new ReadableStream<number>({ cancel: (given) => void (reason = given) });
    const iterator = Pump.from(source)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await iterator.return?.();
    expect([await waiting, reason, source.locked]).toEqual([{ done: true, value: undefined }, undefined, false]);
  });

  it("is destroyed when it is a Node stream", async () => {
    const source = new Readable({ read: () => {} });
    const iterator = Pump.from(source)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await turns(1);
    await iterator.return?.();
    expect([await waiting, source.destroyed]).toEqual([{ done: true, value: undefined }, true]);
  });

  it("holds the consumer no longer when it is an async generator, which runs its finally when it goes on", async () => {
    let goOn = (): void => {};
    let left = false;
    const source = (async function* () {
      try {
        await new Promise<void>((resolve) => (goOn = resolve));
        yield 1;
      } finally {
        left = true;
      }
    })();
    const iterator = Pump.from(source)[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await turns(1);
    await iterator.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    goOn();
    await turns(1);
    expect(left).toBe(true);
  });
});

describe("errors of a source", () => {
  it("of a ReadableStream reach the consumer, and the stream is unlocked", async () => {
    const source = new ReadableStream<number>({ pull: (controller) => controller.error(new Error("cut off")) });
    await expect(Pump.from(source).drain()).rejects.toThrow("cut off");
    expect(source.locked).toBe(false);
  });

  it("of a Node stream reach the consumer", async () => {
    const source = new Readable({ read: () => void source.destroy(new Error("cut off")) });
    await expect(Pump.from(source).drain()).rejects.toThrow("cut off");
  });

  it("of return() reach the consumer that leaves between two items", async () => {
    const source = probe([1, 2], { onReturn: () => Promise.reject(new Error("not closed")) });
    await expect(takeFirst(Pump.from(source).map(String), 1)).rejects.toThrow("not closed");
  });

  it("give way to the error of an operator, and the source is left", async () => {
    const source = probe([1, 2], { onReturn: () => Promise.reject(new Error("not closed")) });
    const flow = Pump.from(source).map(() => {
      throw new Error("the operator's");
    });
    await expect(flow.drain()).rejects.toThrow("the operator's");
    expect(source.returns).toBe(1);
  });

  it("are those of a locked stream when it is read twice", async () => {
    const source = streamOf([1, 2, 3], () => {});
    const first = Pump.from(source)[Symbol.asyncIterator]();
    await first.next();
    await expect(Pump.from(source).drain()).rejects.toThrow(TypeError);
    await first.return?.();
  });
});

describe("a flow", () => {
  it("can be read as often as its source", async () => {
    const flow = Pump.from([1, 2]).map((n) => n + 1);
    expect([await collect(flow), await collect(flow)]).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });
});

function streamOf<T>(list: readonly T[], cancel: () => void): ReadableStream<T> {
  const left = [...list];
  return new ReadableStream<T>(
    {
      pull(controller) {
        const item = left.shift();
        if (item === undefined) controller.close();
        else controller.enqueue(item);
      },
      cancel,
    },
    { highWaterMark: 0 },
  );
}
