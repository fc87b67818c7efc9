import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import {
  batch,
  bundle,
  filter,
  map,
  onChunk,
  onClose,
  rechunk,
  sequenceStreams,
  slidingWindow,
  statefulMap,
} from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, items, maybeLater, numbers, outcome, probe } from "./support.ts";

forbidStrayRejections();

const size = fc.integer({ min: 1, max: 6 });

describe("map", () => {
  it("is Array.map, with a function that answers at once or later", async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.boolean(), async (list, later) => {
        const turn = (item: unknown): unknown => [item];
        expect(await collect(map(probe(list), (item) => maybeLater(later, turn(item))))).toEqual(list.map(turn));
      }),
    );
  });

  it("works on one item at a time", async () => {
    let working = 0;
    let most = 0;
    const flow = map([1, 2, 3], async (n) => {
      working += 1;
      most = Math.max(most, working);
      await Promise.resolve();
      working -= 1;
      return n;
    });
    const iterator = flow[Symbol.asyncIterator]();
    const steps = await Promise.all([iterator.next(), iterator.next(), iterator.next(), iterator.next()]);
    expect(steps.map(({ value }) => value as unknown)).toEqual([1, 2, 3, undefined]);
    expect(most).toBe(1);
  });
});

describe("filter", () => {
  it("is Array.filter, with a function that answers at once or later", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, fc.boolean(), async (list, later) => {
        const keep = (n: number): boolean => n % 2 === 0;
        expect(await collect(filter(probe(list), (n) => maybeLater(later, keep(n))))).toEqual(list.filter(keep));
      }),
    );
  });

  it("hands falsy items on that are to be kept", async () => {
    const falsy = [0, "", null, undefined, false];
    expect(await collect(filter(falsy, () => true))).toEqual(falsy);
  });
});

describe("onChunk", () => {
  it("sees each item once, in order, before it goes on, and changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.boolean(), async (list, later) => {
        const seen: unknown[] = [];
        const all: unknown[] = [];
        for await (const item of onChunk(probe(list), (chunk) => maybeLater(later, seen.push(chunk)))) {
          all.push(item);
          expect(seen).toEqual(all);
        }
        expect(all).toEqual(list);
      }),
    );
  });
});

describe("onClose", () => {
  it("is given all items once, before the consumer learns of the end", async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.boolean(), async (list, later) => {
        const histories: unknown[][] = [];
        const all = await collect(onClose(probe(list), (history) => maybeLater(later, histories.push(history))));
        expect(all).toEqual(list);
        expect(histories).toEqual([list]);
      }),
    );
  });

  it("is not called when the consumer leaves or the source fails", async () => {
    let calls = 0;
    const count = (): number => (calls += 1);
    for await (const item of onClose([1, 2], count)) if (item === 1) break;
    await expect(collect(onClose(probe([1], { error: new Error("broke") }), count))).rejects.toThrow("broke");
    expect(calls).toBe(0);
  });

  it("fails the flow when it fails", async () => {
    const flow = onClose([1], () => Promise.reject(new Error("not saved")));
    await expect(collect(flow)).rejects.toThrow("not saved");
  });
});

describe("statefulMap", () => {
  // What a handler had yielded before it threw was dropped, with all that waited behind it.
  // Whoever showed a partial answer beside the error missed the end of it.
  it("hands on what was yielded before a failure, through all that follows, then the failure", async () => {
    for (const later of [false, true]) {
      const source = probe([1, 2, 3]);
      const error = new Error("broke");
      const failing = statefulMap<number, void, number>(source, {
        onFirstChunk: (n, yieldData) => yieldData(n),
        onChunk(n, _, yieldData) {
          yieldData(n * 10);
          yieldData(n * 100);
          if (later) return Promise.reject(error);
          throw error;
        },
      });
      const closed: number[][] = [];
      const flow = onClose(
        map(
          filter(failing, (n) => n !== 20),
          (n) => maybeLater(later, n + 1),
        ),
        (all) => closed.push(all),
      );
      expect(await outcome(flow)).toEqual({ items: [2, 201], error });
      expect([source.pulls, source.returns, closed]).toEqual([2, 1, []]);
    }
  });

  it("reports the failure that is first in the order of the items", async () => {
    const source = probe([1]);
    const failing = statefulMap<number, void, number>(source, {
      onFirstChunk(n, yieldData) {
        yieldData(n);
        throw new Error("the first handler's");
      },
      onChunk: () => undefined,
    });
    const broken = map(failing, () => {
      throw new Error("the next operator's");
    });
    expect(await outcome(broken)).toEqual({ items: [], error: new Error("the next operator's") });
    expect(source.returns).toBe(1);
  });

  it("is a loop over the array with a variable", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, fc.boolean(), async (list, later) => {
        const flow = statefulMap<number, number, string>(probe(list), {
          onFirstChunk(chunk, yieldData) {
            yieldData(`first ${chunk}`);
            return maybeLater(later, chunk);
          },
          onChunk(chunk, sum, yieldData) {
            for (let n = 0; n < Math.abs(chunk) % 3; n += 1) yieldData(`${sum} + ${chunk}`);
            return maybeLater(later, sum + chunk);
          },
          onClose(last, sum, yieldData) {
            yieldData(`last ${last}, sum ${sum}`);
          },
        });
        const expected: string[] = [];
        let sum = 0;
        for (const [index, chunk] of list.entries()) {
          if (index === 0) expected.push(`first ${chunk}`);
          else for (let n = 0; n < Math.abs(chunk) % 3; n += 1) expected.push(`${sum} + ${chunk}`);
          sum += chunk;
        }
        if (list.length > 0) expected.push(`last ${list.at(-1)}, sum ${sum}`);
        expect(await collect(flow)).toEqual(expected);
      }),
    );
  });

  it("begins anew each time the flow is read", async () => {
    const flow = statefulMap([1, 2], { onFirstChunk: (n: number) => n, onChunk: (n: number) => n });
    const counted = statefulMap<number, number, number>([5, 6], {
      onFirstChunk: (_, yieldData) => (yieldData(0), 0),
      onChunk: (_, count, yieldData) => (yieldData(count + 1), count + 1),
    });
    expect([await collect(flow), await collect(counted), await collect(counted)]).toEqual([[], [0, 1], [0, 1]]);
  });

  it("hands on what is yielded before its promise resolves, before the next chunk is pulled", async () => {
    const source = probe(["a", "b"]);
    const flow = statefulMap<string, string, string>(source, {
      async onFirstChunk(chunk, yieldData) {
        yieldData(`${chunk}1`);
        await Promise.resolve();
        yieldData(`${chunk}2`);
        return chunk;
      },
      onChunk: (chunk) => chunk,
    });
    const pulls: unknown[] = [];
    for await (const item of flow) pulls.push([item, source.pulls]);
    expect(pulls).toEqual([
      ["a1", 1],
      ["a2", 1],
    ]);
  });
});

describe("bundle", () => {
  it("closes a group with the item for which it says so", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, fc.boolean(), async (list, later) => {
        const closes = (n: number, group: readonly number[]): boolean => n + group.length > 4;
        const expected: number[][] = [];
        let group: number[] = [];
        for (const n of list) {
          const full = closes(n, group);
          group.push(n);
          if (full) {
            expected.push(group);
            group = [];
          }
        }
        if (group.length > 0) expected.push(group);
        expect(await collect(bundle(probe(list), (n, so) => maybeLater(later, closes(n, so))))).toEqual(expected);
      }),
    );
  });
});

describe("batch", () => {
  it("cuts the array into slices of n", async () => {
    await fc.assert(
      fc.asyncProperty(items, size, async (list, n) => {
        const expected = Array.from({ length: Math.ceil(list.length / n) }, (_, at) => list.slice(at * n, at * n + n));
        expect(await collect(batch(probe(list), n))).toEqual(expected);
      }),
    );
  });

  it("refuses a size that is no whole number from 1", () => {
    for (const n of [0, -1, 1.5, Number.NaN, Infinity]) {
      expect(() => batch([], n)).toThrow(expect.objectContaining({ code: "option/invalid", details: { field: "n" } }));
    }
  });
});

describe("rechunk", () => {
  it("cuts text anew wherever the handler says, without losing any", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 7 })), size, async (list, n) => {
        const flow = rechunk<string>(probe(list), ({ buffer, push, lastChunk, setBuffer }) => {
          let text = buffer.join("");
          while (text.length >= n) {
            push(text.slice(0, n));
            text = text.slice(n);
          }
          if (lastChunk && text !== "") push(text);
          setBuffer([text]);
        });
        const text = list.join("");
        const expected = Array.from({ length: Math.ceil(text.length / n) }, (_, at) => text.slice(at * n, at * n + n));
        expect(await collect(flow)).toEqual(expected);
      }),
    );
  });

  it("calls once more at the end, with what is left and no new chunk", async () => {
    const calls: unknown[] = [];
    const flow = rechunk<number>([1, 2], ({ buffer, lastChunk }) => void calls.push([[...buffer], lastChunk]));
    expect(await collect(flow)).toEqual([]);
    expect(calls).toEqual([
      [[1], false],
      [[1, 2], false],
      [[1, 2], true],
    ]);
  });

  it("lets the handler empty the buffer in place, and turn chunks into another type, later too", async () => {
    const flow = rechunk<unknown, string>([0, null, ""], async ({ buffer, push }) => {
      await Promise.resolve();
      for (const item of buffer.splice(0)) push(`<${String(item)}>`);
    });
    expect(await collect(flow)).toEqual(["<0>", "<null>", "<>"]);
  });

  it("hands on 100,000 pieces of one chunk in order", async () => {
    const flow = rechunk<string>(["x".repeat(100_000)], ({ buffer, push, setBuffer }) => {
      for (const chunk of buffer) for (let at = 0; at < chunk.length; at += 1) push(String(at));
      setBuffer([]);
    });
    let expected = 0;
    for await (const piece of flow) if (piece === String(expected)) expected += 1;
    expect(expected).toBe(100_000);
  });
});

describe("slidingWindow", () => {
  it("moves by step over the array, the newest first, with undefined outside of it", async () => {
    await fc.assert(
      fc.asyncProperty(items, size, size, async (list, width, step) => {
        const expected: unknown[][] = [];
        for (let newest = 0; list.length > 0 && newest < list.length + width - 1; newest += step) {
          expected.push(Array.from({ length: width }, (_, back) => list[newest - back]));
        }
        expect(await collect(slidingWindow(probe(list), width, step))).toEqual(expected);
      }),
    );
  });

  it("gives windows that do not change later", async () => {
    const [first] = await collect(slidingWindow([1, 2, 3], 2));
    expect(first).toEqual([1, undefined]);
  });
});

describe("sequenceStreams", () => {
  it("is Array.flat over streams of every kind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(items, { maxLength: 5 }), async (lists) => {
        const streams = lists.map((list, index) => [list, probe(list), streamOf(list)][index % 3] ?? list);
        expect(await collect(sequenceStreams(probe(streams)))).toEqual(lists.flat());
      }),
    );
  });

  it("opens a stream only when the one before is at its end", async () => {
    const first = probe([1, 2]);
    const second = probe([3]);
    const opened: unknown[] = [];
    for await (const item of sequenceStreams([first, second])) opened.push([item, second.opened]);
    expect(opened).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
    ]);
  });

  it("lets go of the list of streams when one of them is none or fails", async () => {
    for (const bad of [JSON.parse("5") as never, probe([], { error: new Error("broke") })]) {
      const streams = probe([[1], bad, [2]]);
      const taken: unknown[] = [];
      const failure = await collect(onChunk(sequenceStreams(streams), (n) => taken.push(n))).catch((error) => error);
      expect(failure).toBeInstanceOf(Error);
      expect([taken, streams.returns]).toEqual([[1], 1]);
    }
  });

  it("says what a source must be: not text, for one", async () => {
    for (const none of [{}, 5, null, "text"]) {
      const failure: unknown = await collect(sequenceStreams([none as never])).catch((error) => error);
      expect(isSluiceError(failure, "option/invalid")).toBe(true);
    }
  });
});

function streamOf<T>(list: readonly T[]): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const item of list) controller.enqueue(item);
      controller.close();
    },
  });
}
