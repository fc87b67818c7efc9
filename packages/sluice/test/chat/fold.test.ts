import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFold, fold, textOf } from "../../src/chat/index.ts";
import type { Message, RunEvent } from "../../src/chat/index.ts";
import { legalRun } from "./legal-runs.ts";

const start: RunEvent = { type: "start", messageId: "m" };
const finish: RunEvent = { type: "finish" };
const call = { toolCallId: "c", toolName: "search" };
const part = { type: "tool-search", ...call };
const inputStart: RunEvent = { type: "tool-input-start", ...call };
const input: RunEvent = { type: "tool-input-available", ...call, input: { q: 1 } };
const providerMetadata = { p: { a: 1 } };

/** Events after `start`, and the parts they leave. */
const partCases: Readonly<Record<string, readonly [events: readonly RunEvent[], parts: readonly unknown[]]>> = {
  "a text streams until its end": [
    [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "Hel" },
      { type: "text-delta", id: "1", delta: "lo" },
    ],
    [{ type: "text", text: "Hello", state: "streaming" }],
  ],
  "a text is done after its end": [
    [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "x" },
      { type: "text-end", id: "1" },
    ],
    [{ type: "text", text: "x", state: "done" }],
  ],
  "the last provider metadata of a text stays": [
    [
      { type: "text-start", id: "1", providerMetadata: { p: { a: 0 } } },
      { type: "text-delta", id: "1", delta: "x", providerMetadata },
      { type: "text-end", id: "1" },
    ],
    [{ type: "text", text: "x", state: "done", providerMetadata }],
  ],
  "text and reasoning under one id are two parts": [
    [
      { type: "reasoning-start", id: "1" },
      { type: "text-start", id: "1" },
      { type: "reasoning-delta", id: "1", delta: "r" },
      { type: "text-delta", id: "1", delta: "t" },
    ],
    [
      { type: "reasoning", text: "r", state: "streaming" },
      { type: "text", text: "t", state: "streaming" },
    ],
  ],
  "an id that is used again is another part": [
    [
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "a" },
      { type: "text-end", id: "1" },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "b" },
    ],
    [
      { type: "text", text: "a", state: "done" },
      { type: "text", text: "b", state: "streaming" },
    ],
  ],
  "a step that finishes ends its text and reasoning": [
    [
      { type: "start-step" },
      { type: "text-start", id: "1" },
      { type: "reasoning-start", id: "1" },
      { type: "finish-step" },
    ],
    [{ type: "step-start" }, { type: "text", text: "", state: "done" }, { type: "reasoning", text: "", state: "done" }],
  ],
  "a tool's input streams as text": [
    [
      inputStart,
      { type: "tool-input-delta", toolCallId: "c", inputTextDelta: '{"q"' },
      { type: "tool-input-delta", toolCallId: "c", inputTextDelta: ":1" },
    ],
    [{ ...part, state: "input-streaming", inputText: '{"q":1' }],
  ],
  "a tool's input takes the place of its text": [
    [inputStart, { type: "tool-input-delta", toolCallId: "c", inputTextDelta: "{" }, input],
    [{ ...part, state: "input-available", input: { q: 1 } }],
  ],
  "a tool's input without a start is a part": [[input], [{ ...part, state: "input-available", input: { q: 1 } }]],
  "a dynamic tool stays dynamic": [
    [{ ...inputStart, dynamic: true }, input],
    [{ ...part, type: "dynamic-tool", state: "input-available", input: { q: 1 } }],
  ],
  "title and executor stay until the output": [
    [
      { type: "tool-input-start", ...call, title: "Search", providerExecuted: true },
      input,
      { type: "tool-output-available", toolCallId: "c", output: 1 },
    ],
    [{ ...part, title: "Search", providerExecuted: true, state: "output-available", input: { q: 1 }, output: 1 }],
  ],
  "an input that failed is an error of the call": [
    [inputStart, { type: "tool-input-error", ...call, input: "{", errorText: "no JSON" }],
    [{ ...part, state: "output-error", input: "{", errorText: "no JSON" }],
  ],
  "a preliminary output is marked": [
    [input, { type: "tool-output-available", toolCallId: "c", output: 1, preliminary: true }],
    [{ ...part, state: "output-available", input: { q: 1 }, output: 1, preliminary: true }],
  ],
  "the final output replaces the preliminary one": [
    [
      input,
      { type: "tool-output-available", toolCallId: "c", output: 1, preliminary: true },
      { type: "tool-output-available", toolCallId: "c", output: 2 },
    ],
    [{ ...part, state: "output-available", input: { q: 1 }, output: 2 }],
  ],
  "an error takes the place of a preliminary output": [
    [
      input,
      { type: "tool-output-available", toolCallId: "c", output: 1, preliminary: true },
      { type: "tool-output-error", toolCallId: "c", errorText: "down" },
    ],
    [{ ...part, state: "output-error", input: { q: 1 }, errorText: "down" }],
  ],
  "an approval is asked for": [
    [input, { type: "tool-approval-request", toolCallId: "c", approvalId: "a" }],
    [{ ...part, state: "approval-requested", input: { q: 1 }, approvalId: "a" }],
  ],
  "an approval is refused": [
    [
      input,
      { type: "tool-approval-request", toolCallId: "c", approvalId: "a" },
      { type: "tool-output-denied", toolCallId: "c" },
    ],
    [{ ...part, state: "output-denied", input: { q: 1 }, approvalId: "a" }],
  ],
  "a call's id that is used again is another part": [
    [input, { type: "tool-output-denied", toolCallId: "c" }, inputStart],
    [
      { ...part, state: "output-denied", input: { q: 1 } },
      { ...part, state: "input-streaming", inputText: "" },
    ],
  ],
  "a call's id that is used again without a start is another part": [
    [inputStart, input, { type: "tool-output-denied", toolCallId: "c" }, input],
    [
      { ...part, state: "output-denied", input: { q: 1 } },
      { ...part, state: "input-available", input: { q: 1 } },
    ],
  ],
  "an input that its step left unfinished stays as it is, and the id begins anew": [
    [{ type: "start-step" }, inputStart, { type: "finish-step" }, input],
    [
      { type: "step-start" },
      { ...part, state: "input-streaming", inputText: "" },
      { ...part, state: "input-available", input: { q: 1 } },
    ],
  ],
  "data of one type and id replaces what was there, in its place": [
    [
      { type: "data-w", id: "1", data: "old" },
      { type: "file", url: "u", mediaType: "m" },
      { type: "data-w", id: "1", data: "new" },
    ],
    [
      { type: "data-w", id: "1", data: "new" },
      { type: "file", url: "u", mediaType: "m" },
    ],
  ],
  "data without an id, or of another type, replaces nothing": [
    [
      { type: "data-w", data: 1 },
      { type: "data-w", data: 2 },
      { type: "data-w", id: "1", data: 3 },
      { type: "data-v", id: "1", data: 4 },
    ],
    [
      { type: "data-w", data: 1 },
      { type: "data-w", data: 2 },
      { type: "data-w", id: "1", data: 3 },
      { type: "data-v", id: "1", data: 4 },
    ],
  ],
  "transient data leaves no part": [[{ type: "data-w", data: 1, transient: true }], []],
  "application events leave no part": [[{ event: "progress", data: 1 }], []],
  "sources and files are parts as they are": [
    [
      { type: "source-url", sourceId: "s", url: "u", title: "t", providerMetadata },
      { type: "source-document", sourceId: "s", mediaType: "m", title: "t" },
      { type: "file", url: "u", mediaType: "m", providerMetadata },
    ],
    [
      { type: "source-url", sourceId: "s", url: "u", title: "t", providerMetadata },
      { type: "source-document", sourceId: "s", mediaType: "m", title: "t" },
      { type: "file", url: "u", mediaType: "m", providerMetadata },
    ],
  ],
};

const metadataCases: Readonly<Record<string, readonly [given: readonly unknown[], metadata: unknown]>> = {
  "objects are merged deep": [[{ a: { b: 1 }, c: 1 }, { a: { d: 2 } }], { a: { b: 1, d: 2 }, c: 1 }],
  "arrays are replaced": [[{ a: [1, 2] }, { a: [3] }], { a: [3] }],
  "null replaces inside": [[{ a: { b: 1 } }, { a: null }], { a: null }],
  "null and undefined change nothing at the top": [[{ a: 1 }, null, undefined], { a: 1 }],
  "undefined changes nothing inside": [[{ a: 1 }, { a: undefined, b: 2 }], { a: 1, b: 2 }],
  "a value that is no object is replaced": [["text", { a: 1 }], { a: 1 }],
  "a date is replaced, not merged": [[{ at: new Date(1) }, { at: new Date(2) }], { at: new Date(2) }],
};

describe("fold: parts", () => {
  it.each(Object.entries(partCases))("%s", (_rule, [events, parts]) => {
    expect(fold([start, ...events]).parts).toStrictEqual(parts);
  });
});

describe("fold: the message", () => {
  it("is streaming until a terminal", () => {
    expect(fold([start])).toStrictEqual({ id: "m", role: "assistant", parts: [], status: "streaming" });
  });

  it("is finished with reason and usage", () => {
    const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
    const event: RunEvent = { type: "finish", finishReason: "length", messageMetadata: { usage, more: true } };
    expect(fold([start, event])).toStrictEqual({
      id: "m",
      role: "assistant",
      parts: [],
      status: "finished",
      finishReason: "length",
      metadata: { usage, more: true },
      usage,
    });
  });

  it("takes only numbers for usage", () => {
    const messageMetadata = { usage: { inputTokens: "1", outputTokens: 2, details: {} } };
    expect(fold([start, { type: "finish", messageMetadata }]).usage).toStrictEqual({ outputTokens: 2 });
  });

  it("is aborted by abort", () => {
    expect(fold([start, { type: "abort", reason: "stopped" }]).status).toBe("aborted");
  });

  it("has failed after error, with its code", () => {
    const message = fold([start, { type: "error", errorText: "The model is busy.", code: "llm/rate-limited" }]);
    expect(message.status).toBe("failed");
    expect(message.error).toEqual({ code: "llm/rate-limited", message: "The model is busy." });
  });

  it("has failed with PROCESSING_ERROR after an error without a code", () => {
    expect(fold([start, { type: "error", errorText: "x" }]).error?.code).toBe("PROCESSING_ERROR");
  });

  it.each([finish, { type: "abort" }, { type: "error", errorText: "x" }] as const)(
    "has no open part after %j",
    (end) => {
      const message = fold([start, { type: "text-start", id: "1" }, { type: "reasoning-start", id: "1" }, end]);
      expect(message.parts.map((open) => ("state" in open ? open.state : ""))).toEqual(["done", "done"]);
    },
  );

  it("has the given id until a start names one", () => {
    const folding = createFold("mine");
    folding.add({ type: "start" });
    expect(folding.message.id).toBe("mine");
    folding.add({ type: "start", messageId: "theirs" });
    expect(folding.message.id).toBe("theirs");
  });

  it.each(Object.entries(metadataCases))("merges metadata: %s", (_rule, [given, metadata]) => {
    const events = given.map((messageMetadata): RunEvent => ({ type: "message-metadata", messageMetadata }));
    expect(fold([start, ...events]).metadata).toStrictEqual(metadata);
  });

  it("merges the metadata of start, message-metadata and finish", () => {
    const message = fold([
      { type: "start", messageMetadata: { a: 1 } },
      { type: "message-metadata", messageMetadata: { b: 2 } },
      { type: "finish", messageMetadata: { c: 3 } },
    ]);
    expect(message.metadata).toEqual({ a: 1, b: 2, c: 3 });
  });

  it("passes over types of a later version", () => {
    const later: unknown = JSON.parse('[{"type":"start"},{"type":"tool-approval-response"},{"type":"text-shadow"}]');
    expect(fold(later as RunEvent[]).parts).toEqual([]);
  });

  const orphans: readonly RunEvent[] = [
    { type: "text-delta", id: "__proto__", delta: "x" },
    { type: "text-end", id: "constructor" },
    { type: "reasoning-delta", id: "toString", delta: "x" },
    { type: "reasoning-end", id: "1" },
    { type: "tool-input-delta", toolCallId: "constructor", inputTextDelta: "x" },
    { type: "tool-output-available", toolCallId: "__proto__", output: 1 },
    { type: "tool-output-error", toolCallId: "c", errorText: "x" },
    { type: "tool-output-denied", toolCallId: "c" },
    { type: "tool-approval-request", toolCallId: "c", approvalId: "a" },
  ];

  it.each(orphans)("refuses %j without its beginning", (orphan) => {
    expect(() => fold([start, orphan])).toThrow(expect.objectContaining({ code: "chat/order" }));
  });
});

describe("createFold", () => {
  it("gives the message that fold gives, and the same one until something changes", () => {
    fc.assert(
      fc.property(legalRun(), (run) => {
        const folding = createFold();
        for (const event of run) {
          folding.add(event);
          expect(folding.message).toBe(folding.message);
        }
        expect(folding.message).toStrictEqual(fold(run));
      }),
    );
  });

  it("never changes a message it has given, and keeps the parts that have not changed", () => {
    fc.assert(
      fc.property(legalRun(), (run) => {
        const folding = createFold();
        const given: { message: Message; text: string }[] = [];
        for (const event of run) {
          const before = folding.message;
          folding.add(event);
          const after = folding.message;
          given.push({ message: after, text: JSON.stringify(after) });
          expect(changedParts(before, after)).toBeLessThanOrEqual(mayChange(event));
        }
        for (const { message, text } of given) expect(JSON.stringify(message)).toBe(text);
      }),
    );
  });

  it("is linear in the number of deltas, also beside many other parts", () => {
    const folding = createFold();
    folding.add(start);
    for (let index = 0; index < 5_000; index += 1) folding.add({ type: "data-x", data: index });
    folding.add({ type: "text-start", id: "1" });
    for (let index = 0; index < 100_000; index += 1) folding.add({ type: "text-delta", id: "1", delta: "token " });
    expect(textOf(folding.message)).toBe("token ".repeat(100_000));
  });
});

describe("textOf", () => {
  it("is the text of all text parts, without anything between", () => {
    const text = (id: string, delta: string): RunEvent[] => [
      { type: "text-start", id },
      { type: "text-delta", id, delta },
      { type: "text-end", id },
    ];
    const reasoning: RunEvent[] = [
      { type: "reasoning-start", id: "r" },
      { type: "reasoning-delta", id: "r", delta: "hidden" },
    ];
    expect(textOf(fold([start, ...text("1", "Hel"), ...reasoning, ...text("2", "lo"), finish]))).toBe("Hello");
  });

  it("is empty without text", () => {
    expect(textOf(fold([start, finish]))).toBe("");
  });
});

function changedParts(before: Message, after: Message): number {
  return after.parts.filter((each, index) => each !== before.parts[index]).length;
}

/** What ends a step or the run may end any number of parts; every other event makes or changes one. */
function mayChange(event: RunEvent): number {
  if (!("type" in event)) return 0;
  return ["finish-step", "finish", "abort", "error"].includes(event.type) ? Number.POSITIVE_INFINITY : 1;
}
