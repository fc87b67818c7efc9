import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noMeter } from "../../../src/base/meter.ts";
import { formatOffset, parsePosition } from "../../../src/base/offset.ts";
import { fold, type RunEvent } from "../../../src/chat/index.ts";
import { aiSdkDialect, builtInDialects, simpleDialect, type Dialect, type Frame } from "../../../src/dialects/index.ts";
import { encodeEvent } from "../../../src/sse/index.ts";
import { legalRun } from "../../chat/legal-runs.ts";
import { createBench, eventsIn, inOrder, joined, until, type Bench, type FakeReader } from "./support.ts";

const KIB_16 = 16_384;

async function logOf(events: readonly RunEvent[], mergeBehind?: number): Promise<Bench> {
  const bench = await createBench(mergeBehind === undefined ? {} : { mergeBehind });
  await bench.append(...events.slice(0, -1));
  await bench.close(...events.slice(-1));
  return bench;
}

async function read(bench: Bench, dialect: Dialect, after?: string): Promise<FakeReader> {
  const reader = await bench.join(dialect, after);
  await until(() => reader.over);
  expect(reader.error).toBeUndefined();
  return reader;
}

/** An answer of so many tokens of text. */
function answer(tokens: number, token = "word "): readonly RunEvent[] {
  const deltas = Array.from({ length: tokens }, (): RunEvent => ({ type: "text-delta", id: "t", delta: token }));
  return [
    { type: "start" },
    { type: "text-start", id: "t" },
    ...deltas,
    { type: "text-end", id: "t" },
    { type: "finish" },
  ];
}

const someRun = legalRun().map((events) =>
  events.filter((event) => !("type" in event && event.type === "start" && event !== events[0])),
);

describe.each(builtInDialects)("what $name sends to one who is far behind", (dialect) => {
  it("says what the unmerged frames say, with fewer, and ids that they have", async () => {
    await fc.assert(
      fc.asyncProperty(someRun, fc.nat(5), async (events, mergeBehind) => {
        const plain = await read(await logOf(events), inOrder(dialect));
        const merged = await read(await logOf(events, mergeBehind), dialect);
        expect(await joined(merged.text)).toEqual(await joined(plain.text));
        const [all, some] = [await eventsIn(plain.text), await eventsIn(merged.text)];
        expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining(some.map(({ id }) => id)));
        expect(some.length).toBeLessThanOrEqual(all.length);
      }),
      { numRuns: 60 },
    );
  });

  it("leaves exactly the rest to one who comes back after any of these frames", async () => {
    await fc.assert(
      fc.asyncProperty(someRun, fc.nat(), async (events, pick) => {
        const bench = await logOf(events, 0);
        const whole = await eventsIn((await read(bench, dialect)).text);
        const { id } = whole[pick % whole.length]!;
        if (id === whole.at(-1)?.id) return;
        const first = whole.slice(0, (pick % whole.length) + 1);
        const rest = await eventsIn((await read(bench, dialect, id)).text);
        const text = [...first, ...rest].map(({ event, id: own, data }) =>
          encodeEvent(own === undefined ? { event, data } : { event, id: own, data }),
        );
        const plain = await read(bench, inOrder(dialect));
        expect(await joined(text.join(""))).toEqual(await joined(plain.text));
        const unmerged = await read(await logOf(events), dialect, id);
        expect(unmerged.text).toBe((await read(bench, inOrder(dialect), id)).text);
      }),
      { numRuns: 60 },
    );
  });

  it("is the plain frames, byte for byte, where nothing is to be joined", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), async (events) => {
        const bench = await logOf(events, Infinity);
        expect((await read(bench, dialect)).text).toBe((await read(bench, inOrder(dialect))).text);
      }),
      { numRuns: 60 },
    );
  });

  it("is few frames of at most 16 KiB of text, for a late joiner of 5,000 tokens", async () => {
    const events = answer(5_000);
    const text = 5_000 * "word ".length;
    const merged = await read(await logOf(events, 32), dialect);
    const frames = (await eventsIn(merged.text)).filter(
      ({ event, data }) =>
        data.includes("word word") && event !== "final" && (event !== "message" || dialect.name !== "simple"),
    );
    expect(frames.length).toBeLessThanOrEqual(text / KIB_16 + 2);
    expect(frames.length).toBeGreaterThan(1);
    let bytes = 0;
    for (const { event, id, data } of frames) {
      expect(data.length).toBeLessThanOrEqual(KIB_16 + 128);
      bytes += `event: ${event}\nid: ${id}\ndata: ${data}\n\n`.length;
    }
    expect(bytes).toBeLessThanOrEqual(1.2 * text);
  });
});

describe("a merged frame", () => {
  it("holds contiguous deltas of one part, and carries the offset of the last", async () => {
    await fc.assert(
      fc.asyncProperty(someRun, async (events) => {
        const frames = await eventsIn((await read(await logOf(events, 0), aiSdkDialect)).text);
        let before = 0;
        for (const { id = "", data } of frames.slice(0, -2)) {
          const { sequence, skip } = parsePosition(id);
          const entries = events.slice(before, sequence).map((event) => JSON.stringify(event));
          expect([skip, entries.length > 0]).toEqual([0, true]);
          if (entries.length === 1) {
            const [entry = ""] = entries;
            if (!entry.startsWith('{"event"')) expect(data).toBe(entry);
          } else {
            const deltas = entries.map((entry) => JSON.parse(entry) as Record<string, string>);
            const key = deltas[0]!["delta"] === undefined ? "inputTextDelta" : "delta";
            const whole = { ...deltas[0], [key]: deltas.map((delta) => delta[key]).join("") };
            expect(JSON.parse(data)).toEqual(whole);
            expect(new Set(deltas.map((delta) => JSON.stringify({ ...delta, [key]: "" }))).size).toBe(1);
          }
          before = sequence;
        }
      }),
      { numRuns: 60 },
    );
  });

  it("folds into the same message, byte for byte", async () => {
    await fc.assert(
      fc.asyncProperty(someRun, async (events) => {
        const chat = events.filter((event) => "type" in event);
        const frames = await eventsIn((await read(await logOf(chat, 0), aiSdkDialect)).text);
        const received = frames.slice(0, -1).map(({ data }) => JSON.parse(data) as RunEvent);
        expect(JSON.stringify(fold(received))).toBe(JSON.stringify(fold(chat)));
      }),
      { numRuns: 60 },
    );
  });

  it("is made of what is more than mergeBehind entries back, and of no less", async () => {
    for (const [mergeBehind, frames] of [
      [14, 10],
      [13, 1],
    ] as const) {
      const merged = await read(await logOf(answer(10), mergeBehind), simpleDialect);
      expect((await eventsIn(merged.text)).filter(({ event }) => event === "chunk")).toHaveLength(frames);
    }
  });

  it("goes on over the steps in which the log is read, and over none of 16 KiB", async () => {
    const merged: number[] = [];
    const meter = { ...noMeter, merged: (entries: number) => void merged.push(entries) };
    const bench = await createBench({ mergeBehind: 32, meter });
    await bench.append(...answer(2_000, "a").slice(0, -1));
    await bench.close({ type: "finish" });
    const reader = await read(bench, simpleDialect);
    expect(merged).toEqual([2_000]);
    const [chunk] = (await eventsIn(reader.text)).filter(({ event }) => event === "chunk");
    expect(chunk).toMatchObject({ id: formatOffset(2_002), data: JSON.stringify({ content: "a".repeat(2_000) }) });
  });

  it.each([
    ["which is joined", "text-delta"],
    ["of which nothing is sent", "reasoning-delta"],
  ] as const)("leaves others their turns while much is read, %s", async (_, type) => {
    const bench = await createBench({ mergeBehind: 32 });
    const COUNT = 40_000;
    const deltas = Array.from({ length: COUNT }, (): RunEvent => ({ type, id: "t", delta: "a" }));
    await bench.append({ type: "start" }, ...deltas, { event: "last", data: 1 });
    const reader = await bench.join(simpleDialect);
    let turns = 0;
    await until(() => (turns += 1) > 0 && reader.text.includes("event: last"));
    const read = COUNT * JSON.stringify(deltas[0]).length;
    expect(turns).toBeGreaterThan(read / 131_072);
  });

  it("waits for nothing: at the end of what there is it is sent, though the run goes on", async () => {
    const bench = await createBench({ mergeBehind: 4 });
    await bench.append(...answer(20).slice(0, -2));
    const reader = await bench.join(simpleDialect);
    await until(() => reader.text.includes('{"content":"' + "word ".repeat(20) + '"}'));
    await bench.close({ type: "finish" });
    await until(() => reader.ended);
    expect((await eventsIn(reader.text)).map(({ event }) => event)).toEqual(["typing", "chunk", "message", "done"]);
  });

  it("is sent to a reader that fell behind the others while its connection was full", async () => {
    const bench = await createBench({ mergeBehind: 4 });
    await bench.append({ type: "start" }, { type: "text-start", id: "t" });
    const [slow, other] = [await bench.join(simpleDialect), await bench.join(simpleDialect)];
    await until(() => slow.text.includes("typing") && other.text.includes("typing"));
    slow.full = true;
    for (let count = 1; count <= 200; count += 1) {
      await bench.append({ type: "text-delta", id: "t", delta: `${count} ${"é".repeat(500)}` });
      await until(() => other.text.includes(`"${count} `));
    }
    const { read: readBefore } = bench.calls;
    slow.full = false;
    await bench.close({ type: "text-end", id: "t" }, { type: "finish" });
    await until(() => slow.ended && other.ended);
    expect(await joined(slow.text)).toEqual(await joined(other.text));
    // One that was made before it fell behind, the others of 16 KiB.
    const chunks = (await eventsIn(slow.text)).filter(({ event }) => event === "chunk");
    expect(chunks.length).toBeLessThanOrEqual(1 + Math.ceil((200 * 504) / 15_000));
    expect(bench.calls.read - readBefore).toBeLessThan(20);
  });

  it("is not made of deltas that a dialect words only with what came before", async () => {
    const counting: Dialect = {
      name: "counting",
      headers: {},
      resumes: true,
      alone: () => (event) =>
        "type" in event && event.type === "text-delta" ? undefined : [{ data: JSON.stringify(event) }],
      open: () => {
        let count = 0;
        return (event) => {
          if (!("type" in event) || event.type !== "text-delta") return [{ data: JSON.stringify(event) }];
          return [{ data: JSON.stringify({ count: (count += 1), text: event.delta }) }];
        };
      },
    };
    const bench = await logOf(answer(10), 4);
    expect((await read(bench, counting)).text).toBe((await read(bench, inOrder(counting))).text);
  });

  it("is not made of deltas that a dialect words as several frames", async () => {
    const word = (event: RunEvent): readonly Frame[] =>
      "type" in event && event.type === "text-delta"
        ? [
            { event: "a", data: event.delta },
            { event: "b", data: event.delta },
          ]
        : [{ data: JSON.stringify(event) }];
    const double: Dialect = { name: "double", headers: {}, resumes: true, alone: () => word, open: () => word };
    const bench = await logOf(answer(10), 4);
    expect((await read(bench, double)).text).toBe((await read(bench, inOrder(double))).text);
  });
});
