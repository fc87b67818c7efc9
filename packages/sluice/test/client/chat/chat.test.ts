import { describe, expect, it, vi } from "vitest";
import type { ChatAnswer, ChatError } from "../../../src/client/index.ts";
import { fromFrames } from "../../../src/dialects/index.ts";
import { createFakeGateway } from "./fake-gateway.ts";
import {
  PATIENCE,
  answer,
  answered,
  delta,
  finish,
  openPage,
  said,
  saying,
  settled,
  start,
  status,
  text,
  transcript,
} from "./support.ts";

describe("asking", () => {
  it("shows the question at once, and the words as they come", async () => {
    const { chat, gateway } = openPage();
    expect(chat.send("  Why?  ")).toBe(true);
    expect(chat.getSnapshot()).toMatchObject({
      status: "submitted",
      messages: [{ role: "user", content: "Why?", status: "pending" }],
    });
    await status(chat, "streaming");
    expect(chat.getSnapshot().messages[0]).toMatchObject({ status: "sent", runId: "run_1" });
    gateway.send(start, ...text("Be"), delta("cause"));
    await saying(chat, "Because");
    expect(answer(chat)).toMatchObject({ status: "streaming", id: "m" });
    expect(chat.getSnapshot().status).toBe("streaming");
    gateway.send(delta("."), finish);
    await status(chat, "ready");
    expect(answer(chat)).toMatchObject({ status: "finished", content: "Because.", finishReason: "stop" });
  });

  it("sends the history, the thread and a key of its own for each question", async () => {
    const page = openPage();
    await answered(page, "One?", "1");
    await answered(page, "Two?", "2");
    const { chat, gateway } = page;
    expect(gateway.asked[0]).toMatchObject({ message: { content: "One?" } });
    expect(gateway.asked[1]).toMatchObject({
      threadId: chat.getSnapshot().threadId,
      messages: [
        { role: "user", content: "One?" },
        { role: "assistant", content: "1" },
        { role: "user", content: "Two?" },
      ],
    });
    expect(gateway.asked[0]?.["requestId"]).not.toBe(gateway.asked[1]?.["requestId"]);
  });

  // A page that knew of nothing left the history to the server, but not where its first question had a file: that one was
  // answered without what the thread holds, and a graph forgot its conversation.
  it("sends what the chat and the question add to the body, and files as parts", async () => {
    const { chat, gateway } = openPage({ body: { model: "small", userId: "u" }, headers: () => ({ "x-app": "1" }) });
    const file = { url: "data:text/plain,a", mediaType: "text/plain", filename: "a.txt" };
    chat.send({ text: "Look", files: [file] }, { model: "large", metadata: { a: 1 }, body: { graphType: "g" } });
    await status(chat, "streaming");
    expect(gateway.asked[0]).toMatchObject({
      model: "large",
      userId: "u",
      metadata: { a: 1 },
      graphType: "g",
      message: {
        parts: [
          { type: "text", text: "Look" },
          { type: "file", ...file },
        ],
      },
    });
    expect(gateway.headers[0]?.get("x-app")).toBe("1");
    expect(chat.getSnapshot().messages[0]?.parts).toMatchObject([{ type: "text" }, { type: "file", ...file }]);
  });

  it("asks nothing while an answer runs, and nothing empty", async () => {
    const { chat, gateway } = openPage();
    expect(chat.send("   ")).toBe(false);
    expect(chat.getSnapshot().messages).toEqual([]);
    expect(chat.send("One?")).toBe(true);
    expect(chat.send("Two?")).toBe(false);
    chat.regenerate();
    chat.retry();
    chat.setMessages([]);
    await status(chat, "streaming");
    expect(gateway.asked).toHaveLength(1);
    expect(transcript(chat)).toEqual(["user: One?"]);
  });

  it("tells who asked how it went, once", async () => {
    const onFinish = vi.fn<(message: ChatAnswer) => void>();
    const onError = vi.fn<(error: ChatError) => void>();
    const events: string[] = [];
    const page = openPage({ onFinish, onError, onEvent: ({ data }) => events.push(data) });
    await answered(page, "One?", "1");
    expect(onFinish.mock.calls).toMatchObject([[{ content: "1", status: "finished" }]]);
    await settled();
    expect(events.map((data) => (data === "[DONE]" ? data : JSON.parse(data).type))).toEqual([
      "start",
      "text-start",
      "text-delta",
      "finish",
      "[DONE]",
    ]);
    page.chat.send("Two?");
    await status(page.chat, "streaming");
    page.gateway.send(start, { type: "error", errorText: "No.", code: "llm/failed" });
    await status(page.chat, "error");
    expect(onError.mock.calls).toMatchObject([[{ code: "llm/failed" }]]);
    expect(onFinish).toHaveBeenCalledTimes(1);
  });

  it("replaces what is shown by setMessages", async () => {
    const page = openPage();
    await answered(page, "One?", "1");
    page.chat.setMessages([]);
    expect(page.chat.getSnapshot().messages).toEqual([]);
  });
});

describe("snapshots", () => {
  it("are one for many events between two frames, and the same object until something changes", async () => {
    const { chat, gateway, frames, published } = openPage({ manualFrames: true });
    chat.send("Why?");
    await settled();
    frames.splice(0).forEach((run) => run());
    const before = published.count;
    gateway.send(start, ...text(""), ...Array.from("abcdefgh", delta));
    await vi.waitFor(() => expect(frames.length).toBe(1), PATIENCE);
    await settled();
    expect(published.count).toBe(before);
    const shown = chat.getSnapshot();
    frames.splice(0).forEach((run) => run());
    expect(said(chat)).toBe("abcdefgh");
    expect(published.count).toBe(before + 1);
    expect(chat.getSnapshot()).not.toBe(shown);
    expect(chat.getSnapshot()).toBe(chat.getSnapshot());
    expect(chat.getSnapshot().messages[0]).toBe(shown.messages[0]);
  });

  it("are not told of where nothing has changed", async () => {
    const page = openPage();
    await answered(page, "Why?", "Because.");
    const { count } = page.published;
    const shown = page.chat.getSnapshot();
    page.chat.stop();
    page.chat.retry();
    await settled();
    expect(page.published.count).toBe(count);
    expect(page.chat.getSnapshot()).toBe(shown);
  });

  it("wait for no frame when the answer is whole", async () => {
    const { chat, gateway } = openPage({ manualFrames: true });
    chat.send("Why?");
    await settled();
    gateway.send(start, ...text("Because."), finish);
    await vi.waitFor(() => expect(chat.getSnapshot().status).toBe("ready"), PATIENCE);
    expect(said(chat)).toBe("Because.");
  });

  it("keep the parts of a message that did not change", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One"), { type: "text-end", id: "t" }, { type: "text-start", id: "u" });
    await saying(chat, "One");
    const first = answer(chat)?.parts[0];
    gateway.send({ type: "text-delta", id: "u", delta: " two" });
    await saying(chat, "One two");
    expect(answer(chat)?.parts[0]).toBe(first);
  });
});

describe("leaving", () => {
  it("closes the connection and not the run, which a later look takes up again", async () => {
    const { chat, gateway } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(chat, "One ");
    chat.close();
    await vi.waitFor(() => expect(gateway.readers).toBe(0), PATIENCE);
    expect(gateway.calls.filter((call) => call.endsWith("/stop"))).toEqual([]);
    chat.subscribe(() => {});
    gateway.send(delta("two"), finish);
    await status(chat, "ready");
    expect(said(chat)).toBe("One two");
    expect(gateway.asked).toHaveLength(1);
  });

  it("is stopping where that was wanted", async () => {
    const leaving = new AbortController();
    const { chat, gateway } = openPage({ onAbort: "stop", signal: leaving.signal });
    chat.send("Why?");
    await status(chat, "streaming");
    leaving.abort();
    await vi.waitFor(() => expect(gateway.calls).toContain("POST /runs/run_1/stop"), PATIENCE);
    expect(chat.send("More?")).toBe(false);
  });

  it("takes a question back that may not have been heard, where leaving is stopping", async () => {
    const { chat, gateway } = openPage({ onAbort: "stop" });
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    chat.send("Why?");
    chat.close();
    await settled();
    expect(gateway.calls).toContain(`POST /cancel/${String(gateway.asked[0]?.["requestId"])}`);
  });

  it("is done by pagehide, and undone when the page comes back out of the cache", async () => {
    const tell: ((event: "hidden" | "left" | "shown") => void)[] = [];
    const seen = { visible: () => true, subscribe: (listener: (typeof tell)[0]) => (tell.push(listener), () => {}) };
    const { chat, gateway } = openPage({ page: seen });
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One "));
    await saying(chat, "One ");
    tell[0]?.("left");
    await vi.waitFor(() => expect(gateway.readers).toBe(0), PATIENCE);
    gateway.send(delta("two"), finish);
    tell[0]?.("shown");
    await status(chat, "ready");
    expect(said(chat)).toBe("One two");
  });
});

describe("other dialects", () => {
  it("are understood with a decoder", async () => {
    const gateway = createFakeGateway();
    const frames = [
      ["chunk", { content: "Be" }],
      ["chunk", { content: "cause" }],
      ["message", { id: "m", role: "assistant", content: "Because" }],
      ["done", { finishReason: "stop" }],
    ] as const;
    const body = frames.map(
      ([event, data], index) => `event: ${event}\nid: 1${index}\ndata: ${JSON.stringify(data)}\n\n`,
    );
    const headers = { "content-type": "text/event-stream", location: "/runs/run_1/events?dialect=simple" };
    gateway.answerNext("/stream", () => new Response(body.join(""), { headers }));
    const { chat } = openPage({
      gateway,
      dialect: "simple",
      decode: (events) => fromFrames(events, { dialect: "simple" }),
    });
    chat.send("Why?");
    await status(chat, "ready");
    expect(answer(chat)).toMatchObject({ status: "finished", content: "Because" });
  });
});
