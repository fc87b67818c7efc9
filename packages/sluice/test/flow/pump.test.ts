import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ensureFullWords, httpStreamResponse, Pump } from "../../src/flow/index.ts";
import { collect, forbidStrayRejections, maybeLater, numbers, outcome, probe, takeFirst, turns } from "./support.ts";

forbidStrayRejections();

/** An operator on a pump, and the same on an array. */
interface Link {
  readonly name: string;
  readonly pump: (pump: Pump<number>) => Pump<number>;
  readonly array: (list: readonly number[]) => readonly number[];
}

const link: fc.Arbitrary<Link> = fc
  .record({ n: fc.integer({ min: 1, max: 4 }), later: fc.boolean() })
  .chain(({ n, later }) =>
    fc.constantFrom<Link>(
      {
        name: "map",
        pump: (pump) => pump.map((item) => maybeLater(later, item + n)),
        array: (list) => list.map((item) => item + n),
      },
      {
        name: "filter",
        pump: (pump) => pump.filter((item) => maybeLater(later, item % (n + 1) !== 0)),
        array: (list) => list.filter((item) => item % (n + 1) !== 0),
      },
      { name: "onChunk", pump: (pump) => pump.onChunk(() => maybeLater(later, 0)), array: (list) => list },
      { name: "onClose", pump: (pump) => pump.onClose(() => maybeLater(later, 0)), array: (list) => list },
      {
        name: "batch",
        pump: (pump) => pump.batch(n).map((group) => group.reduce((sum, item) => sum + item, 0)),
        array: (list) => groups(list, n).map((group) => group.reduce((sum, item) => sum + item, 0)),
      },
      {
        name: "running sum, each item twice",
        pump: (pump) =>
          pump.statefulMap<number>({
            onFirstChunk: (item, yieldData) => maybeLater(later, (yieldData(item), item)),
            onChunk(item, sum, yieldData) {
              yieldData(item);
              yieldData(sum + item);
              return maybeLater(later, sum + item);
            },
            onClose: (_, sum, yieldData) => yieldData(sum),
          }),
        array(list) {
          let sum = 0;
          const sums = list.flatMap((item, index) => ((sum += item), index === 0 ? [item] : [item, sum]));
          return list.length === 0 ? [] : [...sums, sum];
        },
      },
      {
        name: "slidingWindow",
        pump: (pump) => pump.slidingWindow(n, 1).map((window) => window[0] ?? -1),
        array: (list) => (list.length === 0 ? [] : [...list, ...Array.from({ length: n - 1 }, () => -1)]),
      },
      { name: "buffer", pump: (pump) => pump.buffer(n, { startAt: n }), array: (list) => list },
      {
        name: "sequenceStreams",
        pump: (pump) => pump.map((item) => Pump.from([item, n])).sequenceStreams(),
        array: (list) => list.flatMap((item) => [item, n]),
      },
      { name: "fork", pump: leaveOther, array: (list) => list },
      { name: "timeout", pump: (pump) => pump.timeout(60_000), array: (list) => list },
      { name: "pace", pump: (pump) => pump.pace({ intervalMs: 0, ahead: n }), array: (list) => list },
    ),
  );
const chain = fc.array(link, { maxLength: 6 });

function groups<T>(list: readonly T[], n: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / n) }, (_, at) => list.slice(at * n, at * n + n));
}

function leaveOther(pump: Pump<number>): Pump<number> {
  const [one, other] = pump.fork();
  void other[Symbol.asyncIterator]().return?.();
  return one;
}

const build = (links: readonly Link[], source: AsyncIterable<number>): Pump<number> =>
  links.reduce((pump, { pump: add }) => add(pump), Pump.from(source));

describe("a chain of operators", () => {
  it("gives what the same chain gives on an array", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, chain, async (list, links) => {
        const expected = links.reduce((all, { array }) => array(all), list);
        const source = probe(list);
        expect(await collect(build(links, source))).toEqual(expected);
        expect([source.pulls, source.returns]).toEqual([list.length + 1, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("left anywhere, gives the beginning of it and leaves the source once", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, chain, fc.integer({ min: 1, max: 6 }), async (list, links, count) => {
        const expected = links.reduce((all, { array }) => array(all), list);
        fc.pre(expected.length >= count);
        const source = probe(list);
        expect(await takeFirst(build(links, source), count)).toEqual(expected.slice(0, count));
        await turns(1);
        if (source.pulls <= list.length) expect(source.returns).toBe(1);
        expect(source.returns).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });

  it("reports an error of the source once, wherever it comes", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, chain, async (list, links) => {
        const error = new Error("broke");
        const source = probe(list, { error });
        const taken = await outcome(build(links, source));
        expect(taken.error).toBe(error);
        expect(source.returns).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("reports an error of an operator once, wherever it comes, and leaves the source once", async () => {
    await fc.assert(
      fc.asyncProperty(numbers, chain, chain, fc.nat(5), async (list, before, after, at) => {
        const source = probe(list);
        let calls = 0;
        const broken: Link = {
          name: "broken",
          pump: (pump) =>
            pump.map((item) => {
              calls += 1;
              if (calls === at + 1) throw new Error("the operator's");
              return item;
            }),
          array: (all) => all,
        };
        const reached = before.reduce((all, { array }) => array(all), list).length > at;
        const { error } = await outcome(build([...before, broken, ...after], source));
        expect(error).toEqual(reached ? new Error("the operator's") : undefined);
        await turns(1); // who reads ahead is not waited for
        expect(source.returns).toBeLessThanOrEqual(1);
        if (!reached) expect(source.returns).toBe(0);
        else if (source.pulls <= list.length) expect(source.returns).toBe(1);
      }),
      { numRuns: 200 },
    );
  });
});

describe("Pump", () => {
  it("answers a request from a model's tokens to a response", async () => {
    const saved: string[] = [];
    const response = await Pump.from(["Str", "eams ", "are ", "lo", "gs", "."])
      .filter((token) => token !== "")
      .bundle((_, group) => group.length === 1)
      .map((group) => group.join(""))
      .rechunk(ensureFullWords)
      .onClose((history) => void saved.push(history.join("|")))
      .buffer(5)
      .map((text) => Pump.from([text.toUpperCase()]))
      .sequenceStreams()
      .drainTo(httpStreamResponse());
    expect(await response.text()).toBe("STREAMS ARE LOGS.");
    expect(saved).toEqual(["Streams |are |logs."]);
  });

  it("pulls nothing while it is built", () => {
    const source = probe([1]);
    Pump.from(source).map(String).batch(2).buffer(3).timeout(5).pace();
    expect([source.opened, source.pulls]).toEqual([0, 0]);
  });

  it("left while an operator is at work, neither works on nor pulls when that is done", async () => {
    for (const kept of [true, false]) {
      const source = probe([1, 2, 3]);
      let answer!: (keep: boolean) => void;
      const seen: number[] = [];
      const flow = Pump.from(source)
        .filter(() => new Promise<boolean>((resolve) => (answer = resolve)))
        .onChunk((item) => seen.push(item));
      const iterator = flow[Symbol.asyncIterator]();
      const waiting = iterator.next();
      await turns();
      await iterator.return?.();
      answer(kept);
      await turns();
      expect([await waiting, seen, source.pulls, source.returns]).toEqual([{ done: true, value: undefined }, [], 1, 1]);
    }
  });

  it("takes a chain of a thousand operators", async () => {
    let pump = Pump.from([0, 1, 2]);
    for (let n = 0; n < 1_000; n += 1) pump = n % 100 === 0 ? pump.buffer(1) : pump.map((item) => item + 1);
    expect(await collect(pump)).toEqual([990, 991, 992]);
  });
});
