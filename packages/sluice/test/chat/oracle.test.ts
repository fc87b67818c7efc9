import { readUIMessageStream } from "ai";
import type { UIMessage, UIMessageChunk } from "ai";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, isObject } from "../../src/base/json.ts";
import { fold } from "../../src/chat/index.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import { legalRun } from "./legal-runs.ts";

/**
 * The real AI SDK folds the same run. Left out of the runs, because it knows no such thing or does it otherwise:
 * - application events;
 * - metadata that is no object: it breaks off when it has to merge it;
 * - a tool call whose id is used again within a step: it overwrites the first call, we add a part;
 * - a tool's input that streams on into a step: it adds a second part, we go on with the first.
 */
describe("fold and the AI SDK agree", () => {
  it("on the parts and the metadata of any legal run, whole or cut off", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun({ forAiSdk: true }), fc.nat(), async (run, cut) => {
        // It tells of a change only with some events: this one makes it tell.
        const tell: RunEvent = { type: "message-metadata", messageMetadata: {} };
        const events = [...run.slice(0, 1 + (cut % run.length)), tell];
        const ours = fold(events);
        const parts: readonly Fields[] = ours.parts.map((part) => ({ ...part }));
        const theirs = await foldByAiSdk(events);
        expect(ours.id).toBe(theirs.id);
        expect(JSON.stringify(ours.metadata)).toBe(JSON.stringify(theirs.metadata));
        expect(parts.map(withoutState).map(canonicalJson)).toEqual(theirs.parts.map(translate).map(canonicalJson));
        for (const [index, part] of parts.entries()) expectSameState(part, theirs.parts[index]);
      }),
      { numRuns: 200 },
    );
  });
});

type Fields = Readonly<Record<string, unknown>>;

async function foldByAiSdk(events: readonly RunEvent[]): Promise<UIMessage> {
  const chunks = structuredClone(events) as unknown as readonly UIMessageChunk[]; // check.test.ts shows that they are
  const errors: unknown[] = [];
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  let last: UIMessage | undefined;
  for await (const message of readUIMessageStream({ stream, onError: (error) => errors.push(error) })) last = message;
  const expected = events.filter((event) => "type" in event && event.type === "error").length;
  expect(errors).toHaveLength(expected);
  if (last === undefined) throw new Error("The AI SDK gave no message.");
  return last;
}

/** The differences between a part of theirs and ours, all of them. */
function translate(part: UIMessage["parts"][number]): Fields {
  // Ids of reasoning are of the stream, not of the message.
  if (part.type === "reasoning") {
    const { id: _id, ...rest } = part as Fields;
    return withoutState(rest);
  }
  if (!("toolCallId" in part)) return withoutState(part);
  const { approval, rawInput, callProviderMetadata: _call, resultProviderMetadata: _result, ...rest } = part as Fields;
  const { input, preliminary, ...tool } = rest;
  return {
    // It names a tool in the type only.
    toolName: part.type.slice("tool-".length),
    ...tool,
    ...(isObject(approval) ? { approvalId: approval["id"] } : {}),
    // It says false where we say nothing.
    ...(preliminary === true ? { preliminary } : {}),
    ...(part.state === "input-streaming"
      ? // It guesses the input from the text so far; we give the text.
        { inputText: rawInput ?? "" }
      : // An input that failed is its `rawInput`, or its `input` when the tool is dynamic.
        { input: input === undefined ? rawInput : input }),
  };
}

/** The state of text and reasoning is compared by `expectSameState`, that of a tool with the rest. */
function withoutState(part: Fields): Fields {
  if (part["type"] !== "text" && part["type"] !== "reasoning") return part;
  const { state: _state, ...rest } = part;
  return rest;
}

// What a step or a terminal ended stays `streaming` with the AI SDK, and is `done` with us.
function expectSameState(ours: Fields, theirs: Fields | undefined): void {
  if (ours["type"] !== "text" && ours["type"] !== "reasoning") return;
  if (ours["state"] === "streaming" || theirs?.["state"] === "done") expect(ours["state"]).toBe(theirs?.["state"]);
}
