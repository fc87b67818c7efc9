import { uiMessageChunkSchema } from "ai";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/index.ts";
import { parseRunEvent } from "../../src/chat/index.ts";
import { legalRun } from "./legal-runs.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One of each type, with every field that the vocabulary names. */
const samples: readonly Fields[] = [
  { type: "start", messageId: "m", messageMetadata: { a: 1 } },
  ...["text", "reasoning"].flatMap((kind): Fields[] => [
    { type: `${kind}-start`, id: "1", providerMetadata: { p: { a: 1 } } },
    { type: `${kind}-delta`, id: "1", delta: "x", providerMetadata: { p: { a: 1 } } },
    { type: `${kind}-end`, id: "1", providerMetadata: { p: { a: 1 } } },
  ]),
  { type: "tool-input-start", toolCallId: "c", toolName: "n", ...toolOptions(), title: "t" },
  { type: "tool-input-delta", toolCallId: "c", inputTextDelta: "{" },
  { type: "tool-input-available", toolCallId: "c", toolName: "n", input: {}, ...toolOptions(), title: "t" },
  {
    type: "tool-input-error",
    toolCallId: "c",
    toolName: "n",
    input: "{",
    errorText: "x",
    ...toolOptions(),
    title: "t",
  },
  { type: "tool-output-available", toolCallId: "c", output: [1], preliminary: true, ...toolOptions() },
  { type: "tool-output-error", toolCallId: "c", errorText: "x", ...toolOptions() },
  { type: "tool-output-denied", toolCallId: "c" },
  { type: "tool-approval-request", toolCallId: "c", approvalId: "a" },
  { type: "source-url", sourceId: "s", url: "u", title: "t", providerMetadata: {} },
  { type: "source-document", sourceId: "s", mediaType: "m", title: "t", filename: "f", providerMetadata: {} },
  { type: "file", url: "u", mediaType: "m", providerMetadata: {} },
  { type: "data-x", id: "d", data: 1, transient: true },
  { type: "start-step" },
  { type: "finish-step" },
  { type: "message-metadata", messageMetadata: { a: 1 } },
  { type: "finish", finishReason: "stop", messageMetadata: { usage: { totalTokens: 1 } } },
  { type: "abort", reason: "r" },
  { type: "error", errorText: "x" },
];

const invalid: Readonly<Record<string, readonly [value: unknown, field: string]>> = {
  null: [null, "event"],
  "an array": [[], "event"],
  "a string": ["text-delta", "event"],
  "an object without type and event": [{ data: 1 }, "type"],
  "a type that is no string": [{ type: 1 }, "type"],
  "a type that is undefined beside an event": [{ type: undefined, event: "progress", data: 1 }, "type"],
  "a type nobody knows": [{ type: "texts" }, "type"],
  "a type that is a key of every object": [{ type: "constructor" }, "type"],
  "__proto__ as a type": [{ type: "__proto__" }, "type"],
  "a data type with a line break": [{ type: "data-x\nevent: done", data: 1 }, "type"],
  "a data type that is too long": [{ type: `data-${"x".repeat(252)}`, data: 1 }, "type"],
  "a data part without data": [{ type: "data-x" }, "data"],
  "a delta that is no string": [{ type: "text-delta", id: "1", delta: 1 }, "delta"],
  "a delta without id": [{ type: "text-delta", delta: "x" }, "id"],
  "an error whose code is no string": [{ type: "error", errorText: "x", code: 500 }, "code"],
  "a finish reason nobody knows": [{ type: "finish", finishReason: "bored" }, "finishReason"],
  "an event name that is no string": [{ event: 1, data: 1 }, "event"],
  "an empty event name": [{ event: "", data: 1 }, "event"],
  "an event name with CR": [{ event: "a\rb", data: 1 }, "event"],
  "an event name with LF": [{ event: "a\nb", data: 1 }, "event"],
  "an event name with NUL": [{ event: "a\0b", data: 1 }, "event"],
  "an event name of 257 characters": [{ event: "x".repeat(257), data: 1 }, "event"],
  "an application event without data": [{ event: "progress" }, "data"],
};

describe("parseRunEvent", () => {
  it.each(samples.map((sample) => [sample["type"], sample]))("gives the same %s event back", (_type, sample) => {
    expect(parseRunEvent(sample)).toBe(sample);
  });

  it("leaves keys alone that it does not know", () => {
    const event = { type: "text-delta", id: "1", delta: "x", logprobs: [1], event: "message", ["constructor"]: 1 };
    const before = JSON.stringify(event);
    expect(parseRunEvent(event)).toBe(event);
    expect(JSON.stringify(event)).toBe(before);
  });

  it("gives every event of a legal run back", () => {
    fc.assert(
      fc.property(legalRun(), (run) => {
        for (const event of run) expect(parseRunEvent(event)).toBe(event);
      }),
    );
  });

  it.each(["progress", "Message", "heartbeat", "x".repeat(256), "__proto__", " "])("takes %j as a name", (name) => {
    const event = { event: name, data: null };
    expect(parseRunEvent(event)).toBe(event);
  });

  it.each(Object.entries(invalid))("refuses %s and names the field", (_what, [value, field]) => {
    expect(refusalOf(value)).toEqual({ code: "chat/invalid-event", field });
  });

  it.each(["message", "done", "error", "final", "open", "chunk", "typing", "stream_event", "update", "text"])(
    "refuses %s as the name of an application event",
    (name) => {
      expect(refusalOf({ event: name, data: 1 })).toEqual({ code: "chat/reserved-event", field: "event" });
    },
  );
});

describe("parseRunEvent and the AI SDK's own schema agree", () => {
  const others: readonly unknown[] = [
    undefined,
    null,
    "x",
    "",
    0,
    true,
    [],
    {},
    { p: 1 },
    { p: {} },
    { p: { a: [1] } },
  ];

  it.each(samples.map((sample) => [sample["type"], sample]))("on %s, whatever a field holds", async (_type, sample) => {
    expect(await isValidForAiSdk(sample)).toBe(true);
    const fields = Object.keys(sample).filter((field) => field !== "type");
    for (const field of fields) {
      for (const other of others) {
        // Ours is stricter here: an event without data is an error in the program that sends it.
        if (field === "data" && other === undefined) continue;
        const changed = { ...sample, [field]: other };
        expect([changed, refusalOf(changed) === undefined]).toEqual([changed, await isValidForAiSdk(changed)]);
      }
    }
  });

  it("on every event of a legal run", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun({ forAiSdk: true }), async (run) => {
        for (const event of run) expect([event, await isValidForAiSdk(event)]).toEqual([event, true]);
      }),
      { numRuns: 30 },
    );
  });
});

function toolOptions(): Fields {
  return { providerExecuted: true, dynamic: true, providerMetadata: { p: { a: 1 } } };
}

async function isValidForAiSdk(event: unknown): Promise<boolean> {
  const result = await uiMessageChunkSchema().validate?.(event);
  if (result === undefined) throw new Error("The AI SDK's schema cannot validate any more.");
  return result.success;
}

function refusalOf(value: unknown): { code: string; field: unknown } | undefined {
  try {
    parseRunEvent(value);
    return undefined;
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    return { code: error.code, field: error.details["field"] };
  }
}
