import { describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import { fold, textOf, type RunEvent } from "../../src/chat/index.ts";
import { aiSdkDialect, graphDialect, simpleDialect, type Dialect } from "../../src/dialects/index.ts";
import { encodeEvent, sseResponse } from "../../src/sse/index.ts";
import { chat, chunks, failure, read, responses, sse, told, watched } from "./sources.ts";
import { wordingOf } from "./support.ts";

describe("a response as a source", () => {
  const header = { "x-vercel-ai-ui-message-stream": "v1" };

  it.each([
    ["chat completions", () => sse([...chat, "[DONE]"])],
    ["responses", () => sse(responses)],
    ["a UI message stream", () => sse([...chunks, "[DONE]"], header)],
    ["a UI message stream without its header", () => sse([...chunks, "[DONE]"])],
    ["text", () => new Response("Hello", { headers: { "content-type": "Text/Plain; charset=utf-8" } })],
  ])("may hold %s", async (_what, response) => {
    expect(told(await read(response()))).toBe("Hello");
  });

  it.each([simpleDialect, aiSdkDialect])("may be another Sluice's, in the dialect $name", async (dialect) => {
    const events: RunEvent[] = [
      { type: "start", messageId: "m" },
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "Hello" },
      { type: "data-progress", data: { percent: 50 } },
      { type: "text-end", id: "t" },
      { type: "finish", finishReason: "length", messageMetadata: { usage: { totalTokens: 2 } } },
    ];
    const relayed = fold([{ type: "start" }, ...(await read(worded(dialect, events)))]);
    expect(relayed).toMatchObject({ status: "finished", finishReason: "length", usage: { totalTokens: 2 } });
    expect(textOf(relayed)).toBe("Hello");
    expect(relayed.parts.map(({ type }) => type)).toEqual(["text", "data-progress"]);
  });

  it("of another Sluice ends as that run ended", async () => {
    const start: RunEvent = { type: "start", messageId: "m" };
    expect((await read(worded(simpleDialect, [start, { type: "abort" }]))).at(-1)).toEqual({ type: "abort" });
    const failed: RunEvent = { type: "error", errorText: "secret", code: "llm/stalled" };
    const error = await failure(worded(simpleDialect, [start, failed]));
    expect(isSluiceError(error, "llm/stalled")).toBe(true);
    expect(String(error)).not.toContain("secret");
    expect((await read(worded(aiSdkDialect, [start, failed]))).at(-1)).toEqual(failed);
  });

  it("of seed 003's server may give its text in `message` alone, and events of its own", async () => {
    const frames = [
      { event: "typing", data: { isTyping: true } },
      { event: "weather", data: 21 },
      { event: "message", data: { content: "Hello" } },
      { event: "done", data: {} },
    ];
    const { body } = new Response(frames.map(encodeEvent).join(""));
    if (body === null) throw new Error("no body");
    const events = await read(sseResponse(body));
    expect(events[0]).toEqual({ event: "weather", data: 21 });
    expect(told(events)).toBe("Hello");
    expect(events.at(-1)).toEqual({ type: "finish" });
  });

  it.each([
    ["chat completions", () => sse(chat.slice(0, 2))],
    ["chat completions that say [DONE] too early", () => sse([...chat.slice(0, 2), "[DONE]"])],
    ["responses", () => sse(responses.slice(0, 2))],
    ["responses that say [DONE] too early", () => sse([...responses.slice(0, 2), "[DONE]"])],
    ["a UI message stream", () => sse(chunks.slice(0, -1), header)],
    ["a UI message stream without `start`", () => sse(chunks.slice(1, -1))],
    ["the simple dialect", () => worded(simpleDialect, [{ type: "start" }])],
    ["SSE without an event", () => sse([])],
    ["SSE with [DONE] alone", () => sse(["[DONE]"])],
    ["a connection that broke", () => brokenResponse("text/event-stream")],
    ["text whose connection broke", () => brokenResponse("text/plain")],
  ])("that is cut off is never reported as finished: %s", async (_what, response) => {
    expect(isSluiceError(await failure(response()), "run/source-truncated")).toBe(true);
  });

  it("of chat completions may report an error in mid-stream", async () => {
    const error = await failure(sse([chat[0], { error: { message: "sk-secret" } }]));
    expect(isSluiceError(error, "llm/failed")).toBe(true);
    expect(String(error)).not.toContain("sk-secret");
    expect(isSluiceError(await failure(sse([{ error: { message: "x" } }])), "llm/failed")).toBe(true);
  });

  it("that is not ok is refused with its status, and its body is let go of", async () => {
    const { stream, cancelled } = watched<Uint8Array>();
    const error = await failure(new Response(stream, { status: 429 }));
    if (!isSluiceError(error, "llm/refused")) throw error;
    expect(error.details).toEqual({ status: 429 });
    expect(cancelled()).toBe(true);
  });

  it.each([
    ["JSON", () => Response.json({})],
    ["no type", () => new Response(new Uint8Array([1]))],
    ["no body", () => new Response(null, { status: 204 })],
    ["the graph dialect", () => worded(graphDialect, [{ type: "start" }, { type: "finish" }])],
  ])("of another kind is not guessed at: %s", async (_what, response) => {
    expect(isSluiceError(await failure(response()), "run/source-unsupported")).toBe(true);
  });

  it("is cut anywhere, also within a character", async () => {
    const bytes = new TextEncoder().encode("Grüße 👋");
    const stream = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    expect(told(await read(new Response(stream, { headers: { "content-type": "text/plain" } })))).toBe("Grüße 👋");
  });
});

function worded(dialect: Dialect, events: readonly RunEvent[]): Response {
  const { body } = new Response(wordingOf(dialect, events).flat().map(encodeEvent).join(""));
  if (body === null) throw new Error("no body");
  return sseResponse(body, { headers: dialect.headers });
}

/** One chunk of SSE or text, then a connection that is gone. */
function brokenResponse(type: string): Response {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulled++ === 0) controller.enqueue(new TextEncoder().encode(encodeEvent({ data: chat[0] })));
      else controller.error(new TypeError("terminated"));
    },
  });
  return new Response(stream, { headers: { "content-type": type } });
}
