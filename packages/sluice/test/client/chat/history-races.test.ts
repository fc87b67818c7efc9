import { describe, expect, it, vi } from "vitest";
import type { Chat } from "../../../src/client/index.ts";
import { refusal, type FakeGateway } from "./fake-gateway.ts";
import {
  PATIENCE,
  answer,
  answered,
  delta,
  finish,
  kept,
  openPage,
  saying,
  settled,
  start,
  status,
  text,
  transcript,
  unreachable,
  type TestPage,
} from "./support.ts";
import { openSite } from "./tabs-support.ts";

const turn = (question: string, words: string, run: number): readonly object[] => [
  { role: "user", content: question, runId: `run_${run}`, at: run },
  { role: "assistant", content: words, runId: `run_${run}`, at: run },
];

/** What the thread holds by now comes when the function is called. */
function holdThread(gateway: FakeGateway, messages: readonly object[]): () => void {
  let reply = (): void => {};
  const late = (): Promise<Response> =>
    new Promise((resolve) => (reply = () => resolve(Response.json({ id: "t", messages }))));
  gateway.answerNext("/threads/t", late);
  return () => reply();
}

async function loaded(chat: Chat): Promise<void> {
  await vi.waitFor(() => expect(chat.getSnapshot().loading).toBe(false), PATIENCE);
}

/** A page whose answer has come in part, and cannot be read on. */
async function brokenOff(): Promise<TestPage> {
  const page = openPage({ threadId: "t" });
  const { chat, gateway } = page;
  chat.send("One?");
  await status(chat, "streaming");
  gateway.send(start, ...text("1 "));
  await saying(chat, "1 ");
  gateway.answerNext("/runs/run_1/events", () => new Response(null, { status: 204 }));
  gateway.cut();
  await status(chat, "error");
  return page;
}

describe("the history of a thread, and what a page knows better or not as well", () => {
  // The thread's text of an answer was taken for the answer itself: who opened a thread saw its last answer without
  // reasoning, tools, sources and the reason of its end.
  it("has all parts of the last answer, not only its text", async () => {
    const one = openPage({ threadId: "t" });
    const { chat, gateway } = one;
    chat.send("Why?");
    await status(chat, "streaming");
    const thought = [
      { type: "reasoning-start", id: "r" },
      { type: "reasoning-delta", id: "r", delta: "Hm." },
      { type: "reasoning-end", id: "r" },
    ] as const;
    gateway.send(start, ...thought, ...text("Because."), finish);
    await status(chat, "ready");
    gateway.setThread(turn("Why?", "Because.", 1));
    const fresh = openPage({ gateway, threadId: "t", load: true });
    await loaded(fresh.chat);
    expect(transcript(fresh.chat)).toEqual(["user: Why?", "assistant: Because."]);
    expect(answer(fresh.chat)).toEqual(answer(chat));
  });

  // A history that was slow brought the old asking back: whoever asked again at once after a reload saw the question
  // twice, or the old answer in place of the new one.
  it.each(["under way", "over"])("is not put over a question that is asked again meanwhile, and is %s", async (how) => {
    const one = openPage({ threadId: "t" });
    const { gateway, storage } = one;
    await answered(one, "Why?", "Because.");
    const reply = holdThread(gateway, turn("Why?", "Because.", 1));
    const { chat } = openPage({ gateway, storage, threadId: "t", load: true });
    chat.regenerate();
    await status(chat, "streaming");
    if (how === "under way") {
      reply();
      await loaded(chat);
    }
    gateway.send(start, ...text("So."), finish);
    await status(chat, "ready");
    reply();
    await loaded(chat);
    expect(transcript(chat)).toEqual(["user: Why?", "assistant: So."]);
  });

  // A question that was not accepted yet when the history was asked for, and answered when it came, was taken for one
  // that the server has forgotten: after a reload it vanished from the page.
  it("does not take away a question that was accepted and answered meanwhile", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway } = one;
    await answered(one, "One?", "1");
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    one.chat.send("Two?");
    const reply = holdThread(gateway, turn("One?", "1", 1));
    const { chat } = openPage({ gateway, storage: kept(one), threadId: "t", load: true });
    await status(chat, "streaming");
    gateway.send({ type: "start", messageId: "m2" }, ...text("2"), finish);
    await status(chat, "ready");
    reply();
    await loaded(chat);
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1", "user: Two?", "assistant: 2"]);
  });

  // An answer that could not be read on stayed half, for good, as soon as another question was asked: whoever loaded
  // the thread again was shown the half, and sent it to the model, although the server has all of it.
  it("has the rest of an earlier answer that this page could not read on", async () => {
    const { chat, gateway, storage } = await brokenOff();
    gateway.send(delta("and all"), finish);
    chat.send("Two?");
    await status(chat, "streaming");
    gateway.send({ type: "start", messageId: "m2" }, ...text("2"), finish);
    await status(chat, "ready");
    gateway.setThread([...turn("One?", "1 and all", 1), ...turn("Two?", "2", 2)]);
    const again = openPage({ gateway, storage, threadId: "t", load: true });
    await loaded(again.chat);
    expect(transcript(again.chat)).toEqual(["user: One?", "assistant: 1 and all", "user: Two?", "assistant: 2"]);
  });

  // A page that had given up showed its error and half an answer after a reload too, although the server was there
  // again and had told of the whole of it.
  it.each([true, false])("takes up an answer that this page had given up, its run being over: %s", async (isOver) => {
    const { gateway, storage } = await brokenOff();
    if (isOver) gateway.send(delta("and all"), finish);
    gateway.setThread(isOver ? turn("One?", "1 and all", 1) : turn("One?", "", 1).slice(0, 1));
    const { chat } = openPage({ gateway, storage, threadId: "t", load: true });
    await loaded(chat);
    if (!isOver) gateway.send(delta("and all"), finish);
    await status(chat, "ready");
    expect(chat.getSnapshot().error).toBeUndefined();
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1 and all"]);
  });

  // A run that the history told of stood behind the question that was asked meanwhile: when that one was refused, the
  // page said nothing of why, and there was nothing to try again.
  it("does not hide how a question failed that was asked meanwhile", async () => {
    const other = openPage({ threadId: "t" });
    const { gateway } = other;
    other.chat.send("One?");
    await status(other.chat, "streaming");
    gateway.send(start, ...text("1"));
    const reply = holdThread(gateway, turn("One?", "", 1).slice(0, 1));
    let refuse = (): void => {};
    const strange = (): Response => refusal(422, "request/invalid", "Too strange.");
    gateway.answerNext("/stream", () => new Promise((resolve) => (refuse = () => resolve(strange()))));
    const { chat } = openPage({ gateway, threadId: "t", load: true });
    chat.send("Two?");
    reply();
    await loaded(chat);
    refuse();
    await vi.waitFor(() => expect(chat.getSnapshot().messages.at(-1)?.status).toBe("failed"), PATIENCE);
    gateway.send(finish);
    await status(chat, "error");
    expect(chat.getSnapshot().error).toMatchObject({ code: "request/invalid" });
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1", "user: Two?"]);
  });

  // A page that had learnt of its run from the history took its question back all the same: whoever stopped lost what
  // had been said, and the question stood there as one that nobody had heard.
  it("tells that a question was heard, which is stopped then and not taken back", async () => {
    const one = openPage({ threadId: "t" });
    const { gateway } = one;
    one.chat.send("Why?");
    const early = kept(one);
    await status(one.chat, "streaming");
    gateway.send(start, ...text("Be"));
    gateway.setThread(turn("Why?", "", 1).slice(0, 1));
    const drop: (() => void)[] = [];
    const hang = (): Promise<Response> => new Promise((_, reject) => drop.push(() => reject(new TypeError("reset"))));
    gateway.answerNext("/stream", hang, hang);
    const { chat } = openPage({ gateway, storage: early, threadId: "t", load: true });
    await loaded(chat);
    drop[0]?.();
    await vi.waitFor(() => expect(drop).toHaveLength(2), PATIENCE);
    chat.stop();
    drop[1]?.();
    await status(chat, "ready");
    expect(chat.getSnapshot().messages).toMatchObject([
      { content: "Why?", status: "sent" },
      { content: "Be", status: "aborted" },
    ]);
    expect(gateway.calls.filter((call) => call.startsWith("POST /cancel/"))).toEqual([]);
  });

  // A question that was taken back, and had been heard after all, went to its place in the thread without its answer:
  // whoever loaded the thread saw the answer of one question under another.
  it("moves a question that was heard after all together with its answer", async () => {
    const page = openPage({ threadId: "t" });
    const { chat, gateway } = page;
    gateway.answerNext("/stream", unreachable);
    chat.send("Never heard?");
    chat.stop();
    await status(chat, "ready");
    gateway.answerNext("/stream", unreachable);
    chat.send("Why?");
    chat.stop();
    await status(chat, "ready");
    // The request had arrived, and its answer was lost.
    await gateway.fetch("http://studio.test/stream", { method: "POST", body: JSON.stringify(gateway.asked.at(-1)) });
    gateway.send(start, ...text("Because."), { type: "abort" });
    gateway.setThread(turn("Why?", "Because.", 1));
    const reloaded = openPage({ gateway, storage: kept(page), threadId: "t", load: true });
    await loaded(reloaded.chat);
    expect(transcript(reloaded.chat)).toEqual([
      "user: Why?",
      "assistant: Because.",
      "user: Never heard?",
      "assistant: ",
    ]);
  });

  // Only the newest refusal was known: a question that was asked again twice, and refused twice, stood beside its first
  // asking after a reload.
  it("does not show a question twice that was refused each time it was asked again", async () => {
    const one = openPage({ threadId: "t" });
    const { chat, gateway, storage } = one;
    await answered(one, "Why?", "Because.");
    chat.regenerate();
    await status(chat, "streaming");
    gateway.send(start, ...text("So."), finish);
    await status(chat, "ready");
    const refused = (): Response => refusal(403, "auth/forbidden", "No.");
    gateway.answerNext("/stream", refused, refused);
    chat.regenerate();
    await status(chat, "error");
    chat.retry();
    await status(chat, "error");
    gateway.setThread(turn("Why?", "So.", 2));
    const reloaded = openPage({ gateway, storage, threadId: "t", load: true });
    await loaded(reloaded.chat);
    expect(transcript(reloaded.chat)).toEqual(["user: Why?"]);
    expect(reloaded.chat.getSnapshot().error).toMatchObject({ code: "auth/forbidden" });
  });

  // A question that was taken back, had been heard after all, and was asked again while a history was on its way, stood
  // there twice until the thread was loaded again.
  it.each(["under way", "over"])(
    "is not put beside a question that was taken back, and is asked again: %s",
    async (how) => {
      const page = openPage({ threadId: "t" });
      const { gateway } = page;
      gateway.answerNext("/stream", unreachable);
      page.chat.send("Why?");
      page.chat.stop();
      await status(page.chat, "ready");
      // The request had arrived, and its answer was lost.
      await gateway.fetch("http://studio.test/stream", { method: "POST", body: JSON.stringify(gateway.asked[0]) });
      gateway.send(start, ...text("Be"), { type: "abort" });
      const reply = holdThread(gateway, turn("Why?", "Be", 1));
      const { chat } = openPage({ gateway, storage: kept(page), threadId: "t", load: true });
      chat.regenerate();
      await status(chat, "streaming");
      if (how === "under way") {
        reply();
        await loaded(chat);
      }
      gateway.send(start, ...text("Because."), finish);
      await status(chat, "ready");
      reply();
      await loaded(chat);
      expect(transcript(chat)).toEqual(["user: Why?", "assistant: Because."]);
    },
  );

  // The same where the page was reloaded before the server had heard that the question is asked again.
  it.each(["taken back", "asked again"])("is not put beside a question that was %s, after a reload", async (how) => {
    const page = openPage({ threadId: "t" });
    const { gateway } = page;
    if (how === "taken back") {
      gateway.answerNext("/stream", unreachable);
      page.chat.send("Why?");
      page.chat.stop();
      await status(page.chat, "ready");
      await gateway.fetch("http://studio.test/stream", { method: "POST", body: JSON.stringify(gateway.asked[0]) });
      gateway.send(start, ...text("So."), { type: "abort" });
    } else {
      await answered(page, "Why?", "Be.");
      page.chat.regenerate();
      await status(page.chat, "streaming");
      gateway.send(start, ...text("So."), finish);
      await status(page.chat, "ready");
    }
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    page.chat.regenerate();
    const reply = holdThread(gateway, turn("Why?", "So.", how === "taken back" ? 1 : 2));
    const { chat } = openPage({ gateway, storage: kept(page), threadId: "t", load: true });
    await status(chat, "streaming");
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    reply();
    await loaded(chat);
    expect(transcript(chat)).toEqual(["user: Why?", "assistant: Because."]);
  });

  // A tab that was opened while its question was asked again in another: the old asking stood beside the new one.
  it("is not put beside a question that is asked again in another tab", async () => {
    const { gateway, openChat } = openSite();
    const one = openChat();
    await answered({ ...one, gateway }, "Why?", "Because.");
    const reply = holdThread(gateway, turn("Why?", "Because.", 1));
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    one.chat.regenerate();
    const { chat } = openChat({ load: true });
    await status(chat, "submitted");
    reply();
    await loaded(chat);
    expect(transcript(chat)).toEqual(["user: Why?"]);
  });

  // Whoever had gone on elsewhere after an error saw that error at the end of the conversation, and who tried again lost
  // the last answer: it was the last question that was asked again.
  it("leaves no error at its end of a question that is not the last any more", async () => {
    const { chat, gateway, storage } = openPage({ threadId: "t" });
    chat.send("One?");
    await status(chat, "streaming");
    gateway.send(start, ...text("1"), { type: "error", errorText: "Gone.", code: "llm/failed" });
    await status(chat, "error");
    gateway.setThread([...turn("One?", "1", 1), ...turn("Two?", "2", 7)]);
    const reloaded = openPage({ gateway, storage, threadId: "t", load: true });
    await loaded(reloaded.chat);
    expect(transcript(reloaded.chat)).toEqual(["user: One?", "assistant: 1", "user: Two?", "assistant: 2"]);
    expect(reloaded.chat.getSnapshot()).toMatchObject({
      status: "ready",
      messages: [{}, { status: "failed" }, {}, {}],
    });
  });

  // The same where it had been given up: the half of it stood there, with the error, although the server has all of it.
  it("has the rest of an answer that was given up, and is not the last any more", async () => {
    const { gateway, storage } = await brokenOff();
    gateway.setThread([...turn("One?", "1 and all", 1), ...turn("Two?", "2", 7)]);
    const { chat } = openPage({ gateway, storage, threadId: "t", load: true });
    await loaded(chat);
    expect(transcript(chat)).toEqual(["user: One?", "assistant: 1 and all", "user: Two?", "assistant: 2"]);
    expect(chat.getSnapshot().status).toBe("ready");
  });

  // An answer that had been given up was taken up again without what it was asked with: who tried again when it failed
  // for good asked another model.
  it("does not forget what a question was asked with", async () => {
    const page = openPage({ threadId: "t" });
    const { gateway, storage } = page;
    page.chat.send("One?", { model: "large" });
    await status(page.chat, "streaming");
    gateway.answerNext("/runs/run_1/events", () => new Response(null, { status: 204 }));
    gateway.cut();
    await status(page.chat, "error");
    gateway.send(start, { type: "error", errorText: "Gone.", code: "llm/failed" });
    gateway.setThread(turn("One?", "", 1).slice(0, 1));
    const { chat } = openPage({ gateway, storage, threadId: "t", load: true });
    await loaded(chat);
    expect(chat.getSnapshot().error).toMatchObject({ code: "llm/failed", retry: "new-run" });
    chat.retry();
    await status(chat, "streaming");
    expect(gateway.asked[1]).toMatchObject({ model: "large" });
  });

  // What a page's own `onError` threw was thrown into the loading: the history was "loading" for good, and nobody was
  // told why.
  it("is said to have failed before the page is told, which may throw", async () => {
    const { gateway } = openPage();
    gateway.answerNext("/threads/t", () => refusal(403, "auth/forbidden", "No."));
    const seen: unknown[] = [];
    const { chat } = openPage({ gateway, threadId: "t", load: true, onError: () => seen.push(chat.getSnapshot()) });
    await settled();
    expect(seen).toMatchObject([{ status: "error", loading: false }]);
  });
});
