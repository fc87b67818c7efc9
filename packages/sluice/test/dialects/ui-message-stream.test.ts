import { AbstractChat, createUIMessageStream, createUIMessageStreamResponse, simulateReadableStream } from "ai";
import type { ChatState, ChatStatus, ChatTransport, UIMessage, UIMessageChunk } from "ai";
import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import { createOrder, fold, parseRunEvent, textOf, type ChatEvent, type RunEvent } from "../../src/chat/index.ts";
import { aiSdkDialect, fromUIMessageStream } from "../../src/dialects/index.ts";
import { encodeEvent } from "../../src/sse/index.ts";
import { answer, from } from "./sources.ts";
import { everyEvent, wordingOf } from "./support.ts";
import { read as readSource } from "./sources.ts";

type Source = Parameters<typeof fromUIMessageStream>[0];

async function read(source: Source): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  const order = createOrder();
  order.accept({ type: "start" });
  for await (const event of fromUIMessageStream(source)) {
    order.accept(parseRunEvent(event));
    events.push(event);
  }
  expect(order.ended).toBe(true);
  return events;
}

async function failure(source: Source): Promise<unknown> {
  try {
    await read(source);
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown.");
}

const start = { type: "start", messageId: "m" };
const text = [
  { type: "text-start", id: "0" },
  { type: "text-delta", id: "0", delta: "Hi" },
  { type: "text-end", id: "0" },
];
const finish = { type: "finish", finishReason: "stop" };

/** As `Chat` of `@ai-sdk/react` keeps its messages. */
class StockState implements ChatState<UIMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined;
  messages: UIMessage[] = [];

  pushMessage(message: UIMessage): void {
    this.messages = [...this.messages, message];
  }

  popMessage(): void {
    this.messages = this.messages.slice(0, -1);
  }

  replaceMessage(index: number, message: UIMessage): void {
    this.messages = this.messages.with(index, structuredClone(message));
  }

  snapshot<T>(value: T): T {
    return structuredClone(value);
  }
}

class StockChat extends AbstractChat<UIMessage> {
  constructor(answer: readonly UIMessageChunk[]) {
    const transport: ChatTransport<UIMessage> = {
      sendMessages: async () => simulateReadableStream({ chunks: [...answer] }),
      reconnectToStream: async () => null,
    };
    super({ transport, state: new StockState() });
  }
}

describe("fromUIMessageStream", () => {
  it("reads what streamText of the package `ai` gives, to its very end", async () => {
    let persisted = "";
    const events = await read(
      answer().toUIMessageStream({
        generateMessageId: () => "msg_9",
        onFinish: ({ responseMessage }) => {
          persisted = JSON.stringify(responseMessage.parts);
        },
      }),
    );
    const message = fold([{ type: "start" }, ...events]);
    expect(message).toMatchObject({ id: "msg_9", status: "finished", finishReason: "stop" });
    expect(textOf(message)).toBe("Hello");
    expect(persisted).toContain("Hello");
  });

  it("reads the body of a response of the package `ai`", async () => {
    const { body } = answer().toUIMessageStreamResponse();
    if (body === null) throw new Error("no body");
    expect(textOf(fold([{ type: "start" }, ...(await read(body))]))).toBe("Hello");
  });

  it("takes [DONE] for the end of an answer whose writer gave none", async () => {
    const stream = createUIMessageStream({
      execute({ writer }) {
        for (const chunk of text) writer.write(chunk as UIMessageChunk);
      },
    });
    const { body } = createUIMessageStreamResponse({ stream });
    if (body === null) throw new Error("no body");
    expect(await read(body)).toEqual([...text, { type: "finish" }]);
  });

  it("gives back what our own wording made of a run", async () => {
    const events = everyEvent.filter((event): event is Exclude<RunEvent, { event: string }> => "type" in event);
    const sse = wordingOf(aiSdkDialect, events).flat().map(encodeEvent);
    expect(await read(from(...sse))).toEqual(events);
  });

  it("reads SSE wherever it is cut", async () => {
    const sse = [start, ...text, finish, "[DONE]"].map((data) => encodeEvent({ data })).join("");
    expect(await read(from(...sse))).toEqual([start, ...text, finish]);
    const bytes = new TextEncoder().encode(sse);
    expect(await read(from(...Array.from(bytes, (byte) => new Uint8Array([byte]))))).toEqual([start, ...text, finish]);
  });

  // Data before the `start`, as a route that writes its status before it merges the model's stream, made that `start` a
  // late one: the answer lost the id that the AI SDK had given it, and `onFinish` had stored another than readers saw.
  it("keeps the id that a `start` names after transient data", async () => {
    const status = { type: "data-status", data: "searching", transient: true };
    const events = [status, status, start, ...text, finish];
    expect(await read(from<{ type: string }>(...events))).toEqual(events);
  });

  // A message that had data, a source or metadata in it was given another id by such a `start`: the clients of the AI SDK
  // showed it twice, once for each id.
  it.each([
    { type: "data-status", id: "1", data: "searching" },
    { type: "source-url", sourceId: "s", url: "https://example.com/" },
    { type: "message-metadata", messageMetadata: { a: 1 } },
    { type: "data-status", data: "searching", transient: true },
  ])("is one message to a client of the AI SDK, with $type before its `start`", async (first) => {
    const events = await read(from<{ type: string }>(first, start, ...text, finish));
    const chat = new StockChat([{ type: "start", messageId: "msg_run" }, ...events] as UIMessageChunk[]);
    await chat.sendMessage({ text: "Hi" });
    const id = "transient" in first ? "m" : "msg_run";
    expect(chat.messages.map((message) => message.role === "assistant" && message.id)).toEqual([false, id]);
  });

  // What is written after the `finish`, as `onFinish` of the AI SDK does it, was taken for an answer that goes on: the run of
  // a complete answer failed with `run/source-truncated`.
  it("stays finished when data and metadata come after `finish`", async () => {
    const data = { type: "data-saved", data: 1 };
    const told = { type: "finish", finishReason: "stop", messageMetadata: { usage: { totalTokens: 3 }, a: 1 } };
    const late = { type: "message-metadata", messageMetadata: { a: 2 } };
    expect(await read(from<{ type: string }>(start, ...text, told, data, late, { type: "custom" }))).toEqual([
      start,
      ...text,
      data,
      { ...told, messageMetadata: { usage: { totalTokens: 3 }, a: 2 } },
    ]);
    const again = { type: "text-start", id: "1" };
    const error = await failure(from<{ type: string }>(start, ...text, told, data, again));
    expect(error).toMatchObject({ code: "run/source-truncated" });
  });

  // A source that began with data was not known for a stream of the AI SDK: its first `finish` cut it off, so that what was
  // written after it was lost, and a second `start`, or a reason that only the AI SDK has, failed the run.
  it("is known as a source of a run by its `start`, also where data comes first", async () => {
    const status = { type: "data-status", data: "searching", transient: true };
    const source = { type: "source-url", sourceId: "s", url: "https://example.com/" };
    const saved = { type: "data-saved", data: 1 };
    const unknown = { type: "finish", finishReason: "unknown" };
    const given = from<{ type: string }>(status, start, source, ...text, start, unknown, saved);
    expect(await readSource(given)).toEqual([
      status,
      start,
      source,
      ...text,
      saved,
      { type: "finish", finishReason: "other" },
    ]);
    expect(await readSource(from<{ type: string }>(source, start, ...text, finish, saved))).toEqual([
      source,
      ...text,
      saved,
      finish,
    ]);
    // Events of a producer's own need no `finish`.
    expect(await readSource(from<string | { type: string }>(status, "Hello"))).toHaveLength(4);
  });

  it("keeps of a `start` that names nothing, or comes late, only its metadata", async () => {
    const nameless = { type: "start", messageMetadata: { a: 1 } };
    const late = { type: "start", messageId: "m2", messageMetadata: { b: 2 } };
    expect(await read(from<{ type: string }>(nameless, ...text, late, { type: "start" }, finish))).toEqual([
      { type: "message-metadata", messageMetadata: { a: 1 } },
      ...text,
      { type: "message-metadata", messageMetadata: { b: 2 } },
      finish,
    ]);
  });

  it("takes a `finish` that more follows for that of one of several streams", async () => {
    const first = { ...finish, messageMetadata: { a: 1 } };
    expect(await read(from<{ type: string }>(start, first, ...text, finish))).toEqual([
      start,
      { type: "message-metadata", messageMetadata: { a: 1 } },
      ...text,
      finish,
    ]);
  });

  it.each([{ type: "error", errorText: "No." }, { type: "abort" }])("lets $type be the last word", async (terminal) => {
    expect(await read(from<{ type: string }>(start, terminal, ...text, finish))).toEqual([start, terminal]);
  });

  it.each(["unknown", "interrupted"])("calls the finish reason %s of other versions `other`", async (finishReason) => {
    expect(await read(from<{ type: string; finishReason: string }>({ type: "finish", finishReason }))).toEqual([
      { type: "finish", finishReason: "other" },
    ]);
  });

  it.each(["custom", "reasoning-file", "steering-message", "tool-approval-response"])(
    "passes over %s of ai 7",
    async (type) => {
      expect(await read(from<{ type: string }>(start, { type }, finish))).toEqual([start, finish]);
    },
  );

  it("refuses what would take back what readers have seen", async () => {
    const error = await failure(from<{ type: string }>(start, { type: "reset-step" }, finish));
    expect(isSluiceError(error, "run/source-unsupported")).toBe(true);
  });

  it.each([
    ["chunks without a terminal", () => from<{ type: string }>(start, ...text)],
    ["a body without a terminal", () => from(...[start, ...text].map((data) => encodeEvent({ data })))],
    ["nothing", () => from<string>()],
  ])("never reports %s as finished", async (_what, source) => {
    expect(isSluiceError(await failure(source()), "run/source-truncated")).toBe(true);
  });

  it("fails on an event that is not JSON", async () => {
    expect(isSluiceError(await failure(from('data: {"type":\n\n')), "llm/failed")).toBe(true);
  });

  it("cancels the stream when it is left early", async () => {
    let cancelled = false;
    const stream = new ReadableStream<{ type: string }>({
      pull(controller) {
        controller.enqueue({ type: "start-step" });
      },
      cancel() {
        cancelled = true;
      },
    });
    for await (const event of fromUIMessageStream(stream)) if (event.type === "start-step") break;
    expect(cancelled).toBe(true);
  });
});
