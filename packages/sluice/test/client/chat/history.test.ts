import { describe, expect, it, vi } from "vitest";
import type { ChatAnswer, ChatStorage } from "../../../src/client/index.ts";
import { refusal } from "./fake-gateway.ts";
import {
  PATIENCE,
  answer,
  answered,
  delta,
  finish,
  kept,
  memoryStorage,
  openPage,
  saying,
  settled,
  start,
  status,
  text,
  transcript,
  type TestPage,
} from "./support.ts";

/** A page whose question has no answer yet, and what it keeps at this moment for a reload. */
async function underWay(): Promise<TestPage & { readonly early: ChatStorage }> {
  const page = openPage({ threadId: "t" });
  page.chat.send("Why?");
  await status(page.chat, "streaming");
  return { ...page, early: kept(page) };
}

describe("the history of a thread", () => {
  const history = [
    { role: "user", content: "One?", runId: "run_a", at: 1 },
    { role: "assistant", content: "1", runId: "run_a", at: 2 },
  ];

  it("is fetched, and a question goes on from it", async () => {
    const gateway = openPage().gateway;
    gateway.setThread(history);
    const page = openPage({ gateway, load: true, threadId: "t" });
    expect(page.chat.getSnapshot().loading).toBe(true);
    await saying(page.chat, "1");
    expect(page.chat.getSnapshot()).toMatchObject({ loading: false, status: "ready" });
    expect(answer(page.chat)).toMatchObject({ id: "msg_a", runId: "run_a", status: "finished" });
    await answered(page, "Two?", "2");
    expect(gateway.asked[0]).toMatchObject({ messages: [{ content: "One?" }, { content: "1" }, { content: "Two?" }] });
  });

  it("goes on with the run that its last question waits for", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway } = one;
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, ...text("Be"));
    gateway.setThread([...history, { role: "user", content: "Why?", runId: "run_1", at: 3 }]);
    const other = openPage({ gateway, threadId: "t", load: true });
    await saying(other.chat, "Be");
    expect(other.chat.getSnapshot().status).toBe("streaming");
    gateway.send(delta("cause."), finish);
    await status(other.chat, "ready");
    expect(transcript(other.chat)).toEqual(["user: One?", "assistant: 1", "user: Why?", "assistant: Because."]);
    expect(answer(other.chat)).toMatchObject({ finishReason: "stop", requestId: answer(one.chat)?.requestId });
  });

  it("shows the new answer of a question that is asked again, not the old one", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway } = one;
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.setThread([
      { role: "user", content: "Why?", runId: "run_1", at: 3 },
      { role: "assistant", content: "Old.", runId: "run_0", at: 2 },
    ]);
    const other = openPage({ gateway, threadId: "t", load: true });
    await status(other.chat, "streaming");
    expect(transcript(other.chat)).toEqual(["user: Why?"]);
    gateway.send(start, ...text("New."), finish);
    await saying(other.chat, "New.");
  });

  it("has the end of a run that ended badly", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway } = one;
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    gateway.send(start, { type: "error", errorText: "Gone.", code: "llm/failed" });
    gateway.setThread([{ role: "user", content: "Why?", runId: "run_1", at: 3 }]);
    const other = openPage({ gateway, threadId: "t", load: true });
    await status(other.chat, "error");
    expect(other.chat.getSnapshot().error).toMatchObject({ code: "llm/failed", retry: "new-run" });
  });

  it("holds what only this tab knows beside what the server knows", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway, storage } = one;
    await answered(one, "Why?", "Because.");
    gateway.answerNext("/stream", () => refusal(422, "request/invalid", "Too strange."));
    one.chat.send("???");
    await status(one.chat, "error");
    gateway.setThread([
      ...history,
      { role: "user", content: "Why?", runId: "run_1", at: 3 },
      { role: "assistant", content: "Because.", runId: "run_1", at: 3 },
    ]);
    const { chat } = openPage({ gateway, storage, threadId: "t", load: true });
    await vi.waitFor(() => expect(chat.getSnapshot().messages).toHaveLength(5), PATIENCE);
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1", "user: Why?", "assistant: Because.", "user: ???"]);
    expect(chat.getSnapshot().messages[3]).toMatchObject({ finishReason: "stop" });
    expect(chat.getSnapshot().status).toBe("error");
  });

  it("keeps an answer without text, of which the server's thread does not tell", async () => {
    const one = openPage({ threadId: "t" });
    const { chat, gateway, storage } = one;
    chat.send("Draw!");
    await status(chat, "streaming");
    gateway.send(start, { type: "file", url: "data:,x", mediaType: "image/png" }, finish);
    await status(chat, "ready");
    gateway.setThread([{ role: "user", content: "Draw!", runId: "run_1", at: 3 }]);
    for (const found of [storage, memoryStorage()]) {
      const reloaded = openPage({ gateway, storage: found, threadId: "t", load: true });
      await vi.waitFor(() => expect(reloaded.chat.getSnapshot().loading).toBe(false), PATIENCE);
      expect(answer(reloaded.chat)?.parts).toEqual(answer(chat)?.parts);
    }
  });

  it("does not show a question twice whose run the server knows and this page does not yet", async () => {
    const one = openPage({ threadId: "t" });
    const { chat, gateway, storage } = one;
    chat.send("Why?");
    const before = kept({ storage });
    await status(chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    gateway.setThread([
      { role: "user", content: "Why?", runId: "run_1", at: 3 },
      { role: "assistant", content: "Because.", runId: "run_1", at: 3 },
    ]);
    let fail = (): void => {};
    gateway.answerNext("/stream", () => new Promise((_, reject) => (fail = () => reject(new TypeError()))));
    gateway.answerNext("/runs/run_1", () => refusal(404, "run/not-found", "There is no such run."));
    const reloaded = openPage({ gateway, storage: before, threadId: "t", load: true });
    await vi.waitFor(() => expect(reloaded.chat.getSnapshot().loading).toBe(false), PATIENCE);
    fail();
    await status(reloaded.chat, "ready");
    expect(transcript(reloaded.chat)).toEqual(["user: Why?", "assistant: Because."]);
    expect(answer(reloaded.chat)).toMatchObject({ finishReason: "stop" });
  });

  it("does not show an answer twice that this page is about to read", async () => {
    const { chat, gateway, early } = await underWay();
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    gateway.setThread([
      { role: "user", content: "Why?", runId: "run_1", at: 3 },
      { role: "assistant", content: "Because.", runId: "run_1", at: 3 },
      { role: "user", content: "Elsewhere?", runId: "run_b", at: 4 },
      { role: "assistant", content: "Yes.", runId: "run_b", at: 4 },
    ]);
    let fail = (): void => {};
    gateway.answerNext("/runs/run_1/events", () => new Promise((_, reject) => (fail = () => reject(new TypeError()))));
    const reloaded = openPage({ gateway, storage: early, threadId: "t", load: true });
    await vi.waitFor(() => expect(reloaded.chat.getSnapshot().loading).toBe(false), PATIENCE);
    const elsewhere = ["user: Elsewhere?", "assistant: Yes."];
    expect(transcript(reloaded.chat)).toEqual(["user: Why?", ...elsewhere]);
    fail();
    await status(reloaded.chat, "ready");
    expect(transcript(reloaded.chat)).toEqual(["user: Why?", "assistant: Because.", ...elsewhere]);
  });

  it("does not begin an answer anew that was read to its end while the server told of its run", async () => {
    const { gateway, early } = await underWay();
    gateway.send(start, ...text("Be"));
    gateway.setThread([{ role: "user", content: "Why?", runId: "run_1", at: 3 }]);
    let tell = (): void => {};
    const running = { id: "run_1", status: "running", message: { id: "msg_1", role: "assistant", parts: [] } };
    gateway.answerNext("/runs/run_1", () => new Promise((resolve) => (tell = () => resolve(Response.json(running)))));
    const onFinish = vi.fn<(message: ChatAnswer) => void>();
    const reloaded = openPage({ gateway, storage: early, threadId: "t", load: true, onFinish });
    await saying(reloaded.chat, "Be");
    gateway.send(delta("cause."), finish);
    await status(reloaded.chat, "ready");
    const reads = gateway.calls.length;
    tell();
    await vi.waitFor(() => expect(reloaded.chat.getSnapshot().loading).toBe(false), PATIENCE);
    await settled();
    expect(transcript(reloaded.chat)).toEqual(["user: Why?", "assistant: Because."]);
    expect(reloaded.chat.getSnapshot().status).toBe("ready");
    expect(gateway.calls.slice(reads)).toEqual([]);
    expect(onFinish).toHaveBeenCalledOnce();
  });

  it("keeps what was asked while it was on its way", async () => {
    const gateway = openPage().gateway;
    let reply = (): void => {};
    const late = (): Promise<Response> =>
      new Promise((resolve) => (reply = () => resolve(Response.json({ id: "t", messages: history }))));
    gateway.answerNext("/threads/t", late);
    const page = openPage({ gateway, threadId: "t", load: true });
    await answered(page, "Two?", "2");
    reply();
    await vi.waitFor(() => expect(page.chat.getSnapshot().loading).toBe(false), PATIENCE);
    expect(transcript(page.chat)).toEqual(["user: One?", "assistant: 1", "user: Two?", "assistant: 2"]);
  });

  it("does not take away what the page shows where the server has none", async () => {
    const one = openPage({ threadId: "t" });
    await answered(one, "One?", "1");
    const { chat } = openPage({ gateway: one.gateway, storage: one.storage, threadId: "t", load: true });
    await vi.waitFor(() => expect(chat.getSnapshot().loading).toBe(false), PATIENCE);
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1"]);
  });

  it("does not show a question twice that is asked again at the moment of a reload", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway, storage } = one;
    await answered(one, "Why?", "Because.");
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    one.chat.regenerate();
    gateway.setThread([
      { role: "user", content: "Why?", runId: "run_1", at: 3 },
      { role: "assistant", content: "Because.", runId: "run_1", at: 3 },
    ]);
    let answerPost = (): void => {};
    gateway.answerNext("/stream", () => new Promise((_, reject) => (answerPost = () => reject(new TypeError()))));
    const { chat } = openPage({ gateway, storage, threadId: "t", load: true });
    await vi.waitFor(() => expect(gateway.calls).toContain("GET /threads/t"), PATIENCE);
    await settled();
    expect(transcript(chat)).toEqual(["user: Why?"]);
    answerPost();
    await status(chat, "streaming");
    gateway.send(start, ...text("So."), finish);
    await status(chat, "ready");
    expect(transcript(chat)).toEqual(["user: Why?", "assistant: So."]);
  });

  // Until its history is there a page knows less than the server. What it knew took the place of what the thread holds:
  // whoever asked on was answered without what had been said before, and a graph forgot its conversation.
  it.each(["on its way", "refused"])("is left to the server while it is not here: %s", async (how) => {
    const gateway = openPage().gateway;
    let refuse = (): void => {};
    const forbidden = (): Response => refusal(403, "auth/forbidden", "No.");
    gateway.answerNext("/threads/t", () => new Promise((resolve) => (refuse = () => resolve(forbidden()))));
    const page = openPage({ gateway, threadId: "t", load: true });
    if (how === "refused") {
      refuse();
      await status(page.chat, "error");
    }
    for (const [question, words] of [
      ["Two?", "2"],
      ["Three?", "3"],
    ] as const) {
      page.chat.send(question);
      await status(page.chat, "streaming");
      gateway.send(start, ...text(words), finish);
      await status(page.chat, how === "refused" ? "error" : "ready");
    }
    expect(gateway.asked[1]).toMatchObject({ message: { content: "Three?" } });
    const parts = [{ type: "text", text: "Be short.", state: "done" }] as const;
    page.chat.setMessages([{ id: "s", role: "system", parts, content: "Be short.", status: "sent" }]);
    page.chat.send("Four?");
    expect(gateway.asked[2]).toMatchObject({ messages: [{ content: "Be short." }, { content: "Four?" }] });
  });

  it("is nothing where there is none", async () => {
    const { chat } = openPage({ threadId: "t", load: true });
    expect(chat.getSnapshot().loading).toBe(true);
    await vi.waitFor(() => expect(chat.getSnapshot().loading).toBe(false), PATIENCE);
    expect(chat.getSnapshot().status).toBe("ready");
  });

  it("is tried again where the server is busy, and by retry where it refuses", async () => {
    const gateway = openPage().gateway;
    gateway.setThread(history);
    gateway.answerNext(
      "/threads/t",
      () => refusal(503, "run/draining", "Later."),
      () => Promise.reject(new TypeError("fetch failed")),
      () => refusal(403, "auth/forbidden", "No."),
    );
    const { chat } = openPage({ gateway, threadId: "t", load: true });
    await status(chat, "error");
    expect(chat.getSnapshot()).toMatchObject({ loading: false, error: { code: "auth/forbidden", retry: "same-run" } });
    chat.retry();
    await saying(chat, "1");
    expect(chat.getSnapshot().error).toBeUndefined();
  });
});
