import { describe, expect, it } from "vitest";
import { loadConversation, saveConversation } from "../../../src/client/chat/saved.ts";
import { IDLE, type Conversation, type Turn } from "../../../src/client/chat/conversation.ts";
import { createChat, type ChatAnswer, type ChatMessage, type ChatQuestion } from "../../../src/client/index.ts";
import { refusal } from "./fake-gateway.ts";
import {
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
  memoryStorage,
} from "./support.ts";

describe("reloading", () => {
  it("goes on in mid-answer from the run, without loss or repeat", async () => {
    const { chat, gateway, storage } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One "), delta("two "));
    await saying(chat, "One two ");
    chat.save();

    const reloaded = openPage({ gateway, storage });
    expect(said(reloaded.chat)).toBe("One two ");
    expect(reloaded.chat.getSnapshot().status).toBe("streaming");
    gateway.send(delta("three"), finish);
    await status(reloaded.chat, "ready");
    expect(said(reloaded.chat)).toBe("One two three");
    expect(gateway.asked).toHaveLength(1);
    expect(gateway.calls).toContain("GET /runs/run_1/events");
    expect(reloaded.chat.getSnapshot()).toEqual(chat.getSnapshot());
  });

  it("never shows less than it had shown before", async () => {
    const { chat, gateway, storage } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("One "), delta("two "));
    await saying(chat, "One two ");
    chat.save();

    const shown: string[] = [];
    const reloaded = openPage({ gateway, storage });
    reloaded.chat.subscribe(() => shown.push(said(reloaded.chat)));
    gateway.send(finish);
    await status(reloaded.chat, "ready");
    expect(new Set(shown)).toEqual(new Set(["One two "]));
  });

  it("repeats the POST with the same body when it does not know the run", async () => {
    const { chat, gateway, storage } = openPage();
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    chat.send("Why?");

    const reloaded = openPage({ gateway, storage });
    expect(reloaded.chat.getSnapshot().status).toBe("submitted");
    await status(reloaded.chat, "streaming");
    expect(gateway.asked[1]).toEqual(gateway.asked[0]);
  });

  it("has an answer stopped that an earlier page has begun", async () => {
    const { chat, gateway, storage } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    const reloaded = openPage({ gateway, storage });
    reloaded.chat.stop();
    await status(reloaded.chat, "ready");
    expect(gateway.calls).toContain("POST /runs/run_1/stop");
    expect(answer(reloaded.chat)?.status).toBe("aborted");
    expect(gateway.asked).toHaveLength(1);
  });

  it("still wants an answer to end that it could not stop before", async () => {
    const { chat, gateway, storage } = openPage();
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    chat.send("Why?");
    chat.stop();
    const reloaded = openPage({ gateway, storage });
    await status(reloaded.chat, "ready");
    expect(gateway.calls).toContain("POST /runs/run_1/stop");
  });

  it("shows a finished conversation without asking the server", async () => {
    const page = openPage();
    await answered(page, "Why?", "Because.");
    const before = page.gateway.calls.length;
    const reloaded = openPage({ gateway: page.gateway, storage: page.storage });
    await settled();
    expect(said(reloaded.chat)).toBe("Because.");
    expect(reloaded.chat.getSnapshot()).toEqual(page.chat.getSnapshot());
    expect(page.gateway.calls).toHaveLength(before);
  });

  it("gets a finished answer again that had no room in the storage", async () => {
    const page = openPage({ storage: memoryStorage(700) });
    const { gateway, storage } = page;
    await answered(page, "Why?", "Because. ".repeat(100));
    const reloaded = openPage({ gateway, storage });
    expect(transcript(reloaded.chat)).toEqual(["user: Why?"]);
    await saying(reloaded.chat, "Because. ".repeat(100));
    expect(reloaded.chat.getSnapshot().status).toBe("ready");
    expect(gateway.asked).toHaveLength(1);
  });

  it("says when the run is gone, and keeps what it had", async () => {
    const { chat, gateway, storage } = openPage();
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Half"));
    await saying(chat, "Half");
    chat.save();
    gateway.answerNext("/runs/run_1/events", () => refusal(404, "run/not-found", "There is no such run."));
    const reloaded = openPage({ gateway, storage });
    await status(reloaded.chat, "error");
    expect(reloaded.chat.getSnapshot().error).toMatchObject({ code: "run/not-found", retry: "new-run" });
    expect(answer(reloaded.chat)).toMatchObject({ content: "Half", status: "streaming" });
    const again = openPage({ gateway, storage });
    expect(again.chat.getSnapshot()).toMatchObject({ status: "error", error: { code: "run/not-found" } });
  });

  it("keeps a failed question, with what is to be done about it", async () => {
    const { chat, gateway, storage } = openPage();
    gateway.answerNext("/stream", () => refusal(401, "auth/required", "Sign in."));
    chat.send("Why?");
    await status(chat, "error");
    const reloaded = openPage({ gateway, storage });
    reloaded.chat.retry();
    await status(reloaded.chat, "streaming");
    expect(gateway.asked[1]).toEqual(gateway.asked[0]);
  });

  it("keeps each thread by itself, and begins anew when what was kept is not its own", async () => {
    const storage = memoryStorage();
    const one = openPage({ storage, threadId: "one" });
    await answered(one, "Why?", "Because.");
    expect(openPage({ storage, threadId: "two" }).chat.getSnapshot().messages).toEqual([]);
    expect(transcript(openPage({ storage, threadId: "one" }).chat)).toEqual(["user: Why?", "assistant: Because."]);
    for (const kept of ["", "null", "[]", "{", `{"threadId":1}`, `{"version":1,"threadId":"t","messages":{}}`]) {
      const broken = { getItem: () => kept, setItem: () => {}, removeItem: () => {} };
      expect(openPage({ storage: broken }).chat.getSnapshot().messages).toEqual([]);
    }
  });

  it("keeps nothing where nothing is to be kept", async () => {
    const page = openPage();
    const chat = createChat({ url: "http://studio.test/stream", storage: null, fetch: page.gateway.fetch });
    expect(chat.send("Why?")).toBe(true);
    await status(chat, "streaming");
    chat.close();
  });
});

describe("a server's rendering", () => {
  it("is one object, and what the page shows first", () => {
    const messages: readonly ChatMessage[] = [question(1)];
    const { chat } = openPage({ threadId: "t", messages });
    const rendered = chat.getServerSnapshot();
    expect(rendered).toMatchObject({ threadId: "t", messages, status: "ready", connection: { status: "idle" } });
    expect(chat.getServerSnapshot()).toBe(rendered);
    expect(chat.getSnapshot()).toEqual(rendered);
  });

  it("is joined with what was under way in this tab", async () => {
    const one = openPage({ threadId: "t" });
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    const { gateway, storage } = one;
    const { chat } = openPage({ gateway, storage, threadId: "t", messages: [question(7), answerTo(7)] });
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    expect(transcript(chat).slice(2)).toEqual(["user: Why?", "assistant: Because."]);
  });

  it("may hold the question that is under way in this tab", async () => {
    const one = openPage({ threadId: "t" });
    one.chat.send("Why?");
    await status(one.chat, "streaming");
    const { gateway, storage } = one;
    const { requestId: _unknown, ...rendered } = { ...question(1), content: "Why?" };
    const { chat } = openPage({ gateway, storage, threadId: "t", messages: [rendered] });
    gateway.send(start, ...text("Because."), finish);
    await status(chat, "ready");
    expect(transcript(chat)).toEqual(["user: Why?", "assistant: Because."]);
  });

  // What a server renders holds the old answer until there is a new one: whoever reloaded such a page while a question
  // was asked again saw the old asking beside the new one, for good.
  it.each([false, true])("may hold what is asked again in this tab, heard by the server: %s", async (heard) => {
    const one = openPage({ threadId: "t" });
    const { chat, gateway, storage } = one;
    await answered(one, "Why?", "Because.");
    const [asked, old] = chat.getSnapshot().messages as [ChatQuestion, ChatAnswer];
    if (!heard) gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    chat.regenerate();
    if (heard) await status(chat, "streaming");
    const messages = [heard ? { ...asked, id: "run_2", runId: "run_2" } : asked, old];
    const reloaded = openPage({ gateway, storage, threadId: "t", messages });
    await status(reloaded.chat, "streaming");
    gateway.send({ type: "start", messageId: "m2" }, ...text("So."), finish);
    await status(reloaded.chat, "ready");
    expect(transcript(reloaded.chat)).toEqual(["user: Why?", "assistant: So."]);
  });

  // An error of an earlier question stood at the end of what a server renders: who tried again lost the last answer.
  it("may go on behind a question that failed in this tab", async () => {
    const one = openPage({ threadId: "t" });
    const { chat, gateway, storage } = one;
    chat.send("Why?");
    await status(chat, "streaming");
    gateway.send(start, ...text("Be"), { type: "error", errorText: "Gone.", code: "llm/failed" });
    await status(chat, "error");
    const messages = [...chat.getSnapshot().messages, question(7), answerTo(7)];
    const reloaded = openPage({ gateway, storage, threadId: "t", messages });
    expect(reloaded.chat.getSnapshot()).toMatchObject({ status: "ready", messages });
  });
});

describe("a conversation that is kept", () => {
  it("comes back as it was", () => {
    const storage = memoryStorage();
    const conversation = conversationOf([1, 2], [turn(2)]);
    saveConversation(storage, "key", conversation);
    expect(loadConversation(storage, "key")).toEqual(conversation);
  });

  it("leaves out the oldest answers where there is no room, and no question", () => {
    const conversation = conversationOf([1, 2, 3, 4, 5]);
    for (const room of [2_400, 2_000, 1_500]) {
      const storage = memoryStorage(room);
      saveConversation(storage, "key", conversation);
      const messages = loadConversation(storage, "key")?.messages ?? [];
      const questions = (of: readonly ChatMessage[]): readonly ChatMessage[] =>
        of.filter(({ role }) => role === "user");
      expect(questions(messages)).toEqual(questions(conversation.messages));
      const kept = [1, 2, 3, 4, 5].map((number) => messages.some(({ id }) => id === `m${number}`));
      expect(kept.join(" ")).toMatch(/^false( false)*( true)*$/);
    }
  });

  it("keeps what an answer has that is not finished: it may be the only one to have it", () => {
    const { messages } = conversationOf([1]);
    const failed = { ...answerTo(2), status: "failed" as const, error: { code: "x", message: "x" } };
    const storage = memoryStorage(900);
    saveConversation(storage, "key", { threadId: "t", messages: [...messages, question(2), failed], turns: [] });
    expect(loadConversation(storage, "key")?.messages.map(({ id }) => id)).toEqual(["q1", "q2", "m2"]);
  });

  it("leaves out files before it is forgotten", () => {
    const file = { type: "file" as const, url: `data:,${"x".repeat(2_000)}`, mediaType: "text/plain" };
    const big = { ...question(1), parts: [...question(1).parts, file] };
    const storage = memoryStorage(500);
    saveConversation(storage, "key", { threadId: "t", messages: [big], turns: [] });
    expect(loadConversation(storage, "key")?.messages).toEqual([question(1)]);
  });

  it("is forgotten, and nothing else happens, where nothing can be kept", () => {
    const storage = memoryStorage();
    saveConversation(storage, "key", conversationOf([1]));
    saveConversation(
      {
        ...storage,
        setItem: () => {
          throw new DOMException("full", "QuotaExceededError");
        },
      },
      "key",
      conversationOf([1, 2]),
    );
    expect(loadConversation(storage, "key")).toBeUndefined();
  });

  it("is not taken from what another version has written", () => {
    const good = conversationOf([3], [turn(3)]);
    const messages = [null, {}, { ...question(1), parts: [null] }, { ...question(2), status: "new" }, ...good.messages];
    const turns = [
      null,
      {},
      { ...turn(1), status: "new" },
      { ...turn(1), runUrl: 1 },
      { ...turn(1), status: "failed" },
      turn(3),
    ];
    const kept = JSON.stringify({ version: 1, threadId: "t", messages, turns });
    const storage = memoryStorage();
    storage.setItem("key", kept);
    expect(loadConversation(storage, "key")).toEqual(good);
    storage.setItem("key", kept.replace(`"version":1`, `"version":2`));
    expect(loadConversation(storage, "key")).toBeUndefined();
  });
});

function conversationOf(numbers: readonly number[], turns: readonly Turn[] = []): Conversation {
  return { threadId: "t", messages: numbers.flatMap((number) => [question(number), answerTo(number)]), turns };
}

function question(number: number): ChatQuestion {
  const content = `Question ${number}?`;
  const known = { requestId: `req${number}`, runId: `run_${number}`, status: "sent" as const };
  return { id: `q${number}`, role: "user", parts: [{ type: "text", text: content, state: "done" }], content, ...known };
}

function answerTo(number: number): ChatAnswer {
  const content = "x".repeat(100);
  const known = { requestId: `req${number}`, runId: `run_${number}`, status: "finished" as const };
  return {
    id: `m${number}`,
    role: "assistant",
    parts: [{ type: "text", text: content, state: "done" }],
    content,
    ...known,
  };
}

function turn(number: number): Turn {
  const run = { runId: `run_${number}`, runUrl: `http://studio.test/runs/run_${number}/events` };
  return { requestId: `req${number}`, at: 1, ...run, status: "streaming", stopping: false, connection: IDLE };
}
