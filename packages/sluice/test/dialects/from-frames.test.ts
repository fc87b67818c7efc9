import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFold, fold, textOf, type Message, type RunEvent } from "../../src/chat/index.ts";
import {
  aiSdkDialect,
  builtInDialects,
  envelopeDialect,
  finalOf,
  fromFrames,
  graphDialect,
  simpleDialect,
  textDialect,
  updateDialect,
  type Dialect,
  type Frame,
} from "../../src/dialects/index.ts";
import { encodeEvent, parseEvents } from "../../src/sse/index.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { read, told } from "./sources.ts";
import { everyEvent, wordingOf } from "./support.ts";

/** What a reader has of a run, over bytes that are cut into pieces of this size. */
async function* received(dialect: Dialect, events: readonly RunEvent[], size = 7): AsyncGenerator<Frame> {
  const bytes = new TextEncoder().encode(wordingOf(dialect, events).flat().map(encodeEvent).join(""));
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
  }
  yield* parseEvents(pieces());
}

async function eventsBack(dialect: Dialect, events: readonly RunEvent[], size?: number): Promise<RunEvent[]> {
  const back: RunEvent[] = [];
  for await (const event of fromFrames(received(dialect, events, size), { dialect: dialect.name })) back.push(event);
  return back;
}

async function messageBack(dialect: Dialect, events: readonly RunEvent[], size?: number): Promise<Message> {
  const folded = createFold();
  for (const event of await eventsBack(dialect, events, size)) folded.add(event);
  return folded.message;
}

describe.each([aiSdkDialect, envelopeDialect, updateDialect])("the frames of $name", (dialect) => {
  it("fold back into the message of the run, to the byte, whatever is in it", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), fc.integer({ min: 1, max: 40 }), async (events, size) => {
        const message = await messageBack(dialect, events, size);
        expect(JSON.stringify(message)).toBe(JSON.stringify(fold(events)));
      }),
      { numRuns: 300 },
    );
  });
});

describe.each([envelopeDialect, updateDialect])("the events of $name", (dialect) => {
  it("are those of the run", async () => {
    expect(await eventsBack(dialect, everyEvent)).toEqual(everyEvent);
  });
});

it("the order of keys comes back from envelope, which is a part of the message", async () => {
  const events = [
    { type: "start" },
    { id: "1", type: "data-x", data: 1 },
    { data: 2, more: true, type: "data-y" },
    { type: "abort" },
  ] as unknown as readonly RunEvent[];
  expect(JSON.stringify(await eventsBack(envelopeDialect, events))).toBe(JSON.stringify(events));
});

it("application events come back from envelope as what they were, an envelope or none", async () => {
  const data = [21, null, { text: "a" }, { name: "reply", meta: { runId: "run_1", contextId: "c" }, payload: 1 }];
  const own = data.map((value): RunEvent => ({ event: "reply", data: value }));
  const back = await eventsBack(envelopeDialect, [{ type: "start" }, ...own, { type: "finish" }]);
  expect(back.slice(1, -1)).toEqual(own);
});

describe("the frames of simple", () => {
  it("have the text, the metadata, the usage and the end of the run", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), async (events) => {
        const [told, run] = [await messageBack(simpleDialect, events), fold(events)];
        expect(textOf(told)).toBe(textOf(inOrder(run, events)));
        const { status, usage, error, metadata } = run;
        expect([told.status, told.usage, told.error]).toEqual([status, usage, error]);
        if (status === "finished") expect(told.finishReason).toBe(run.finishReason ?? "stop");
        // A run that fails has no `message`.
        if (status !== "failed") expect(JSON.stringify(told.metadata)).toBe(JSON.stringify(metadata));
      }),
      { numRuns: 300 },
    );
  });
});

describe("the frames of graph", () => {
  it("have what `final` says of the run, and every part that is not text", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), async (events) => {
        const [told, run] = [await messageBack(graphDialect, events), fold(events)];
        expect(textOf(told)).toBe(textOf(inOrder(run, events)));
        expect([told.status, told.error]).toEqual([run.status, run.error]);
        const others = (message: Message): unknown => message.parts.filter(({ type }) => type !== "text");
        expect(others(told)).toEqual(others(run));
        if (run.status === "failed") return;
        expect(finalOf(told).attachments).toEqual(finalOf(run).attachments);
        expect(finalOf(told).metadata).toEqual(finalOf(run).metadata);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the frames of text", () => {
  it("fold back into the message of a run whose parts of text do not overlap, to the byte", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun().filter(carriesText), async (events) => {
        expect(JSON.stringify(await messageBack(textDialect, events))).toBe(JSON.stringify(fold(events)));
      }),
      { numRuns: 300 },
    );
  });

  it("have all text of any run but halves of characters and carriage returns", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun(), async (events) => {
        const inOrder = events.map((event) => ("type" in event && event.type === "text-delta" ? event.delta : ""));
        const frames = wordingOf(textDialect, events).flat();
        const text = frames.map(({ event, data }) => (event === undefined ? data : "")).join("");
        expect(text).toBe(whole(inOrder.join("")));
      }),
      { numRuns: 300 },
    );
  });
});

describe.each([simpleDialect, graphDialect, textDialect, updateDialect, envelopeDialect])("$name", (dialect) => {
  it.each([
    "",
    " ",
    "  two blanks first",
    "\n",
    "\n\n",
    "a\nb",
    " \t ",
    "data: x",
    ": x",
    "[DONE]",
    "{}",
    "ü👋",
    "\ufeffx",
  ])("keeps the text %j as it is", async (text) => {
    expect(textOf(await messageBack(dialect, runOf([text]), 1))).toBe(text);
  });
});

// Seed 001's server trimmed each delta, and cut data after 4,096 bytes, so that " world" became "world" and JSON broke:
// whoever read an answer of words had it without blanks, and a long chunk not at all.
it.each([envelopeDialect, updateDialect, textDialect])("$name neither trims nor cuts a delta", async (dialect) => {
  const deltas = ["Hello", " world", "   ", "x".repeat(10_000), "\n"];
  expect(textOf(await messageBack(dialect, runOf(deltas), 4_096))).toBe(deltas.join(""));
});

// Seed 001's and seed 002's servers had no word for the end: their readers could not tell a complete answer from one
// whose connection broke.
describe.each([envelopeDialect, updateDialect, textDialect])("the end of $name", (dialect) => {
  it.each([
    [{ type: "finish", finishReason: "length" }, "done"],
    [{ type: "abort", reason: "stopped" }, "done"],
    [{ type: "error", errorText: "No.", code: "llm/failed" }, "error"],
  ] as const)("of %j is `%s`, and comes back", async (terminal, name) => {
    const events: readonly RunEvent[] = [{ type: "start" }, terminal];
    expect(wordingOf(dialect, events).flat().at(-1)?.event).toBe(name);
    expect((await eventsBack(dialect, events)).at(-1)).toEqual(terminal);
  });

  it("that never came is no end", async () => {
    const cut = wordingOf(dialect, runOf(["Hel"]))
      .slice(0, 3)
      .flat();
    async function* frames(): AsyncGenerator<Frame> {
      yield* cut;
    }
    const read = async (): Promise<void> => {
      for await (const _ of fromFrames(frames(), { dialect: dialect.name }));
    };
    await expect(read()).rejects.toMatchObject({ code: "run/source-truncated" });
  });
});

describe("fromFrames", () => {
  it("takes a server that speaks `update` with deltas alone, as seed 001's page does", async () => {
    async function* frames(): AsyncGenerator<Frame> {
      yield { event: "update", data: '{"delta":"Hel"}' };
      yield { event: "update", data: '{"delta":" lo","usage":{"total_tokens":2},"finish_reason":"stop"}' };
      yield { event: "done", data: '{"usage":{"total_tokens":2},"finish_reason":"content_filter"}' };
    }
    const folded = createFold();
    folded.add({ type: "start" });
    for await (const event of fromFrames(frames(), { dialect: "update" })) folded.add(event);
    expect(textOf(folded.message)).toBe("Hel lo");
    expect(folded.message).toMatchObject({ finishReason: "content-filter", usage: { totalTokens: 2 } });
  });

  it.each(["simple", "graph", "ai-sdk", "envelope", "update", "text"])(
    "makes a source of another server's answer in %s",
    async (dialect) => {
      const worded = builtInDialects.find(({ name }) => name === dialect)!;
      const events = await read(fromFrames(received(worded, runOf(["Hello", " you"])), { dialect }));
      expect(told(events)).toBe("Hello you");
      expect(events.at(-1)).toEqual({ type: "finish", finishReason: "stop" });
    },
  );

  it("refuses a dialect that it does not know", () => {
    async function* none(): AsyncGenerator<Frame> {}
    expect(() => fromFrames(none(), { dialect: "Text" })).toThrow(expect.objectContaining({ code: "dialect/unknown" }));
  });
});

/** The text as it was said, where parts of it overlap: whose a delta is these dialects do not tell. */
function inOrder(run: Message, events: readonly RunEvent[]): Message {
  const text = events.map((event) => ("type" in event && event.type === "text-delta" ? event.delta : "")).join("");
  return { ...run, parts: [{ type: "text", text, state: "done" }] };
}

function runOf(deltas: readonly string[]): readonly RunEvent[] {
  return [
    { type: "start" },
    { type: "text-start", id: "t" },
    ...deltas.map((delta): RunEvent => ({ type: "text-delta", id: "t", delta })),
    { type: "text-end", id: "t" },
    { type: "finish", finishReason: "stop" },
  ];
}

/** Parts of text that are open at the same time, and halves of characters, are more than the dialect tells. */
function carriesText(events: readonly RunEvent[]): boolean {
  const open = new Set<string>();
  for (const event of events) {
    if (!("type" in event)) continue;
    if (event.type === "text-start") open.add(event.id);
    else if (event.type === "text-end") open.delete(event.id);
    else if (event.type === "finish-step") open.clear();
    else if (event.type === "text-delta" && (open.size > 1 || whole(event.delta) !== event.delta)) return false;
    if (event.type === "error" && event.code === undefined) return false;
  }
  return true;
}

function whole(text: string): string {
  return text.replace(/\r|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "");
}
