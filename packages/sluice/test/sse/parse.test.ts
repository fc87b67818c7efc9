import { createParser } from "eventsource-parser";
import { EventSource } from "eventsource";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeComment, encodeEvent, parseEvents, sseResponse, type ParsedEvent } from "../../src/sse/index.ts";
import { readBySpec } from "./oracle.ts";
import { anyText, cut, dispatched, each, messages, pieces, read, toBytes } from "./support.ts";

const cuts = fc.array(fc.nat(), { maxLength: 12 });

async function drain(source: AsyncIterable<ParsedEvent>): Promise<{ events: ParsedEvent[]; error: unknown }> {
  const events: ParsedEvent[] = [];
  try {
    for await (const event of source) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

describe("round trip", () => {
  it("gives back any legal messages, cut at any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { maxLength: 6 }), cuts, async (sent, places) => {
        const bytes = toBytes(sent.map(encodeEvent).join(encodeComment("beat")));
        const expected = sent.flatMap((message) => dispatched(message) ?? []);
        expect((await read(cut(bytes, places))).events).toEqual(expected);
        expect(readBySpec(bytes).events).toEqual(expected);
      }),
    );
  });

  it("gives back any legal messages, one byte at a time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { maxLength: 3 }), async (sent) => {
        const bytes = toBytes(sent.map(encodeEvent).join(""));
        expect((await read(pieces(bytes, 1))).events).toEqual(sent.flatMap((message) => dispatched(message) ?? []));
      }),
      { numRuns: 50 },
    );
  });

  it("is read the same by eventsource-parser", () => {
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 4 }), (sent) => {
        const events: ParsedEvent[] = [];
        const parser = createParser({
          onEvent: ({ event = "message", data, id }) =>
            events.push(id === undefined ? { event, data } : { event, data, id }),
        });
        parser.feed(new TextDecoder().decode(toBytes(sent.map(encodeEvent).join(""))));
        expect(events).toEqual(sent.flatMap((message) => dispatched(message) ?? []));
      }),
    );
  });

  it("is dispatched the same by an EventSource", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { maxLength: 4 }), cuts, async (sent, places) => {
        const bytes = toBytes(sent.map(encodeEvent).join("") + encodeEvent({ event: "end of test" }));
        const expected = sent.flatMap((message) => dispatched(message) ?? []);
        expect(await dispatchedByEventSource(cut(bytes, places))).toEqual(
          expected.map(({ event, data, id = "" }) => ({ event, data, id })),
        );
      }),
      { numRuns: 40 },
    );
  });
});

function dispatchedByEventSource(chunks: readonly Uint8Array<ArrayBufferLike>[]): Promise<ParsedEvent[]> {
  const left = chunks.filter((chunk) => chunk.length > 0).map((chunk) => Uint8Array.from(chunk));
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = left.shift();
      if (chunk) controller.enqueue(chunk); // never ends: an EventSource would wait and connect again
    },
  });
  return new Promise((resolve, reject) => {
    const events: ParsedEvent[] = [];
    class Recorder extends EventSource {
      override dispatchEvent(event: Event): boolean {
        if (event.type === "end of test") {
          this.close();
          resolve(events);
        } else if (event instanceof MessageEvent) {
          events.push({ event: event.type, data: String(event.data), id: event.lastEventId });
        } else if (event.type === "error") {
          this.close();
          reject(new Error("The EventSource failed."));
        }
        return true;
      }
    }
    void new Recorder("http://127.0.0.1/", { fetch: () => Promise.resolve(sseResponse(body)) });
  });
}

describe("parseEvents", () => {
  const BREAKS = ["\r", "\n", "\r\n", "\n\n", "\r\r"];
  const WORDS = [
    "data",
    "data:",
    "data: x",
    "event",
    "event: e",
    "id",
    "id: 7",
    "id: a\0b",
    "unknown: y",
    ": hi",
    "Data: x",
  ];
  const RETRIES = ["retry: 10", "retry:", "retry: 1x", "retry: 99999999999999999999"];
  const CHARACTERS = [":", " ", "\ufeff", "ï»¿", "é", "\u{1f600}", "\u2028", "\0"];
  const soup = fc
    .array(fc.constantFrom(...BREAKS, ...WORDS, ...RETRIES, ...CHARACTERS), { maxLength: 30 })
    .map((parts) => toBytes(parts.join("")));

  it("reads any stream as the standard does, cut at any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(soup, cuts, async (bytes, places) => {
        expect(await read(cut(bytes, places))).toEqual(readBySpec(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it("reads any bytes as the standard does, also those that are not UTF-8", async () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(10, 13, 58, 0xef, 0xbb, 0xbf, 0xf0, 0x9f), fc.nat(255)), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(bytes, cuts, async (tail, places) => {
        const stream = Uint8Array.from([...toBytes("data:"), ...tail, ...toBytes("\n\n")]);
        expect(await read(cut(stream, places))).toEqual(readBySpec(stream));
      }),
    );
  });

  it("reads texts as it reads bytes", async () => {
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 7 }), async (bytes, size) => {
        const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
        expect(await read(pieces(text, size))).toEqual(readBySpec(bytes));
      }),
    );
  });

  it("drops one BOM at the start, however it is cut, and keeps any other", async () => {
    const bytes = toBytes("\ufeffdata: a\n\n\ufeffdata: lost\n\ndata: \ufeffb\n\n");
    for (const size of [1, 2, 3, 4, 100]) {
      expect((await read(pieces(bytes, size))).events.map(({ data }) => data)).toEqual(["a", "\ufeffb"]);
    }
    expect((await read([toBytes("\ufeff\ufeffdata: lost\n\ndata: kept\n\n")])).events).toEqual([
      { event: "message", data: "kept" },
    ]);
  });

  it("reads CRLF split over two chunks as one line break", async () => {
    // Cut between CR and LF, a parser that takes each for a break sees a blank line and loses the event's name.
    const { events } = await read(["event: e\r", "\ndata: a\r", "", "\ndata: b\r", "\n\r", "\n"].map(toBytes));
    expect(events).toEqual([{ event: "e", data: "a\nb" }]);
  });

  it("yields an event that ends with CR before the next chunk arrives", async () => {
    let asked = 0;
    async function* source(): AsyncGenerator<string> {
      asked += 1;
      yield "data: a\r\r";
      asked += 1;
      yield "\ndata: b\n\n";
    }
    const events = parseEvents(source());
    expect((await events.next()).value).toEqual({ event: "message", data: "a" });
    expect(asked).toBe(1);
    expect((await events.next()).value).toEqual({ event: "message", data: "b" });
  });

  it("drops a block that the end of the stream cuts off", async () => {
    expect((await read(["data: a\n\ndata: b\n"])).events).toEqual([{ event: "message", data: "a" }]);
    expect((await read(["data: a\n\ndata: b"])).events).toEqual([{ event: "message", data: "a" }]);
  });

  it("tells an empty id from none", async () => {
    const { events } = await read(["id: 7\ndata: a\n\ndata: b\n\nid:\ndata: c\n\n"]);
    expect(events.map(({ id }) => id)).toEqual(["7", undefined, ""]);
  });

  it("pulls a chunk only when the events of the one before are taken, and returns the source when left", async () => {
    let asked = 0;
    let returned = false;
    async function* source(): AsyncGenerator<string> {
      try {
        while (true) yield `data: ${++asked}a\n\ndata: ${asked}b\n\n`;
      } finally {
        returned = true;
      }
    }
    const seen: string[] = [];
    for await (const { data } of parseEvents(source())) {
      seen.push(`${data} of ${asked}`);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(["1a of 1", "1b of 1", "2a of 2"]);
    expect(returned).toBe(true);
  });

  it("passes the failure of the source on, after the events before it", async () => {
    const failure = new Error("reset");
    async function* source(): AsyncGenerator<string> {
      yield "data: a\n\n";
      throw failure;
    }
    expect(await drain(parseEvents(source()))).toEqual({ events: [{ event: "message", data: "a" }], error: failure });
  });
});

describe("the limit of an event", () => {
  const tooLarge = expect.objectContaining({ code: "sse/event-too-large" });
  const FOUR_MIB = 4 * 1024 * 1024;

  it.each([4096, 65_536, 2 * FOUR_MIB])("is 4 MiB of data exactly, in chunks of %i bytes", async (size) => {
    const fits = toBytes(encodeEvent({ data: "x".repeat(FOUR_MIB) }));
    const over = toBytes(encodeEvent({ data: "x".repeat(FOUR_MIB + 1) }));
    const good = await drain(parseEvents(each(pieces(fits, size))));
    expect(good.events.map(({ data }) => data.length)).toEqual([FOUR_MIB]);
    expect(good.error).toBeUndefined();
    expect(await drain(parseEvents(each(pieces(over, size))))).toEqual({ events: [], error: tooLarge });
  });

  it("does not depend on where the chunks are cut", async () => {
    const limits = fc.integer({ min: 1, max: 30 });
    await fc.assert(
      fc.asyncProperty(fc.array(anyText, { maxLength: 4 }), limits, cuts, async (texts, maxEventLength, places) => {
        const sent = texts.map((data) => ({ data }));
        const events = sent.flatMap((message) => dispatched(message) ?? []);
        const over = events.findIndex(({ data }) => data.length > maxEventLength);
        const chunks = cut(toBytes(sent.map(encodeEvent).join("")), places);
        expect(await drain(parseEvents(each(chunks), { maxEventLength }))).toEqual({
          events: over === -1 ? events : events.slice(0, over),
          error: over === -1 ? undefined : tooLarge,
        });
      }),
    );
  });

  it("holds for a line without an end, whatever it is", async () => {
    for (const start of ["data: ", "id: ", ": ", "unknown", ""]) {
      let asked = 0;
      let returned = false;
      async function* endless(): AsyncGenerator<string> {
        try {
          yield `data: before\n\n${start}`;
          const chunk = "x".repeat(65_536);
          while (true) {
            asked += 1;
            yield chunk;
          }
        } finally {
          returned = true;
        }
      }
      const result = await drain(parseEvents(endless()));
      expect(result).toEqual({ events: [{ event: "message", data: "before" }], error: tooLarge });
      expect(asked).toBeLessThanOrEqual(65);
      expect(returned).toBe(true);
    }
  });

  it("holds for many short data lines without a blank one", async () => {
    const line = "data: x\n".repeat(1000);
    async function* endless(): AsyncGenerator<string> {
      while (true) yield line;
    }
    expect((await drain(parseEvents(endless()))).error).toEqual(tooLarge);
  });

  it("gives the events before a large one in the same chunk, and none after it", async () => {
    const stream = encodeEvent({ data: "a" }) + encodeEvent({ data: "x".repeat(11) }) + encodeEvent({ data: "b" });
    expect(await drain(parseEvents(each([stream]), { maxEventLength: 10 }))).toEqual({
      events: [{ event: "message", data: "a" }],
      error: tooLarge,
    });
  });

  it("refuses a limit that is not a number from 1", async () => {
    for (const maxEventLength of [0, -1, Number.NaN]) {
      const { error } = await drain(parseEvents(each([]), { maxEventLength }));
      expect(error).toEqual(expect.objectContaining({ code: "option/invalid" }));
    }
  });
});

describe("the cost of a huge line", () => {
  // The limit of time is the referee: copying what is kept once per chunk would take minutes for each of these.
  it.each([
    [1, 512 * 1024],
    [16, 4_000_000],
    [65_536, 4_000_000],
  ])("is linear in chunks of %i bytes", async (size, length) => {
    const { events } = await read(pieces(toBytes(encodeEvent({ data: "x".repeat(length) })), size));
    expect(events.map(({ data }) => data.length)).toEqual([length]);
  });

  it("is linear for many lines in one chunk, whichever way they end", async () => {
    for (const lineBreak of ["\n", "\r", "\r\n"]) {
      const stream = toBytes(`data: x${lineBreak}`.repeat(300_000) + lineBreak);
      const { events } = await read([stream]);
      expect(events.map(({ data }) => data.length)).toEqual([599_999]);
    }
  });

  it("is linear for one event of many lines in small chunks", async () => {
    const { events } = await read(pieces(toBytes(encodeEvent({ data: "x\n".repeat(200_000) })), 16));
    expect(events.map(({ data }) => data.length)).toEqual([400_000]);
  });
});
