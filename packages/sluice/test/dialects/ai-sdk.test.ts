import {
  parseJsonEventStream,
  readUIMessageStream,
  uiMessageChunkSchema,
  type UIMessage,
  type UIMessageChunk,
} from "ai";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold, textOf, type RunEvent } from "../../src/chat/index.ts";
import { aiSdkDialect } from "../../src/dialects/index.ts";
import { encodeEvent } from "../../src/sse/index.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { everyEvent, wordingOf } from "./support.ts";

const failed: RunEvent = { type: "error", errorText: "The model failed.", code: "llm/failed" };

describe("our wording, read by the package `ai`", () => {
  it.each([...everyEvent, { type: "abort", reason: "stopped" }, failed] satisfies RunEvent[])(
    "passes its check of chunks: %j",
    async (event) => {
      const [result] = await parse([event]);
      expect(result).toMatchObject({ success: true });
    },
  );

  it("gives the message that our own fold gives", async () => {
    const { message } = await read(everyEvent);
    const ours = fold(everyEvent);
    expect(message?.id).toBe(ours.id);
    expect(message?.metadata).toEqual(ours.metadata);
    expect(message?.parts.map(({ type }) => type)).toEqual(ours.parts.map(({ type }) => type));
    expect(textIn(message)).toBe("Hello, world");
  });

  it("tells its error callback what went wrong", async () => {
    const { errors } = await read([{ type: "start", messageId: "m" }, failed]);
    expect(errors.map(messageOf)).toEqual(["The model failed."]);
  });

  it("never breaks its rules, whatever legal run is worded", async () => {
    await fc.assert(
      fc.asyncProperty(legalRun({ forAiSdk: true }), async (events) => {
        fc.pre(!REFUSED_KEYS.test(JSON.stringify(events)));
        const results = await parse(events);
        expect(results.filter(({ success }) => !success)).toEqual([]);
        const { message, errors } = await read(events);
        const told = events.flatMap((event) => ("type" in event && event.type === "error" ? [event.errorText] : []));
        expect(errors.map(messageOf)).toEqual(told);
        expect(textIn(message)).toBe(textOf(fold(events)));
      }),
      { numRuns: 50 },
    );
  });
});

// Its JSON parser refuses such keys, whoever sends them.
const REFUSED_KEYS = /"(?:__proto__|constructor)":/;

async function parse(events: readonly RunEvent[]): Promise<{ readonly success: boolean; readonly value?: unknown }[]> {
  const results = [];
  for await (const result of parseJsonEventStream({ stream: bodyOf(events), schema: uiMessageChunkSchema })) {
    results.push(result);
  }
  return results;
}

async function read(events: readonly RunEvent[]): Promise<{ message: UIMessage | undefined; errors: unknown[] }> {
  const errors: unknown[] = [];
  const chunks = parseJsonEventStream({ stream: bodyOf(events), schema: uiMessageChunkSchema }).pipeThrough(
    new TransformStream<{ success: boolean; value?: UIMessageChunk }, UIMessageChunk>({
      transform({ value }, controller) {
        if (value) controller.enqueue(value);
      },
    }),
  );
  let message: UIMessage | undefined;
  for await (const state of readUIMessageStream({ stream: chunks, onError: (error) => errors.push(error) }))
    message = state;
  return { message, errors };
}

function bodyOf(events: readonly RunEvent[]): ReadableStream<Uint8Array> {
  const frames = wordingOf(aiSdkDialect, events).flat();
  const { body } = new Response(frames.map((frame, index) => encodeEvent({ ...frame, id: String(index) })).join(""));
  if (body === null) throw new Error("no body");
  return body;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function textIn(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
}
