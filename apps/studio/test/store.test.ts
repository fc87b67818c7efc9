import { describe, expect, it, vi } from "vitest";
import { answerText } from "../src/chat/question.ts";
import type { ChatStorage } from "../src/chat/saved-chat.ts";
import { createChatStore, type ChatStore } from "../src/chat/store.ts";
import { createFakeGateway, refusal, type FakeGateway } from "./fake-gateway.ts";

const PATIENCE = { timeout: 15_000, interval: 5 };

describe("asking", () => {
  it("shows the question at once, and the words as they come", async () => {
    const { store, gateway } = page();
    store.ask("  Why?  ");
    expect(last(store)).toMatchObject({ question: "Why?", state: { kind: "submitted" } });
    await status(store, "streaming");
    gateway.send(start, ...text("Be"), delta("cause"));
    await vi.waitFor(() => expect(said(store)).toBe("Because"), PATIENCE);
    expect(last(store).state.kind).toBe("streaming");
    gateway.send(delta("."), finish);
    await status(store, "ready");
    expect(said(store)).toBe("Because.");
  });

  it("sends the history, the thread and a key of its own for each question", async () => {
    const { store, gateway } = page();
    await answered(store, gateway, "One?", "1");
    await answered(store, gateway, "Two?", "2");
    expect(gateway.asked[1]).toMatchObject({
      threadId: store.snapshot().threadId,
      messages: [
        { role: "user", content: "One?" },
        { role: "assistant", content: "1" },
        { role: "user", content: "Two?" },
      ],
    });
    expect(gateway.asked[0]?.requestId).not.toBe(gateway.asked[1]?.requestId);
  });

  it("asks nothing while an answer runs, and nothing empty", async () => {
    const { store, gateway } = page();
    store.ask("   ");
    expect(store.snapshot().turns).toEqual([]);
    store.ask("One?");
    store.ask("Two?");
    await status(store, "streaming");
    expect(gateway.asked).toHaveLength(1);
  });

  it("makes one snapshot of many events between two frames", async () => {
    const { store, gateway, frames } = page({ manualFrames: true });
    store.ask("Why?");
    await status(store, "streaming");
    let published = 0;
    store.subscribe(() => (published += 1));
    gateway.send(start, ...text(""), ...Array.from("abcdefgh", delta));
    await vi.waitFor(() => expect(frames.length).toBe(1), PATIENCE);
    await settled();
    expect(published).toBe(0);
    frames.shift()?.();
    expect(said(store)).toBe("abcdefgh");
    expect(published).toBe(1);
  });
});

describe("stopping", () => {
  it("stops the run and keeps what has come", async () => {
    const { store, gateway } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.send(start, ...text("Half an ans"));
    await vi.waitFor(() => expect(said(store)).toBe("Half an ans"), PATIENCE);
    store.stop();
    expect(last(store).state).toMatchObject({ stopping: true });
    await status(store, "ready");
    expect(gateway.calls).toContain("POST /runs/run1/stop");
    expect(last(store).answer).toMatchObject({ status: "aborted" });
    expect(said(store)).toBe("Half an ans");
  });

  it("waits for the run that it wants to stop", async () => {
    const { store, gateway } = page();
    store.ask("Why?");
    store.stop();
    expect(gateway.calls).not.toContain("POST /runs/run1/stop");
    await status(store, "ready");
    expect(gateway.calls).toContain("POST /runs/run1/stop");
    expect(last(store).answer?.status).toBe("aborted");
  });

  it("takes a question back that no server has answered", async () => {
    const { store, gateway } = page();
    gateway.answerNext("/stream", unreachable);
    store.ask("Why?");
    store.stop();
    await status(store, "ready");
    expect(gateway.asked).toHaveLength(1);
    expect(gateway.calls).toContain(`POST /cancel/${last(store).requestId}`);
  });

  it("takes it back at once between two attempts", async () => {
    const { store, gateway } = page({ patient: true });
    gateway.answerNext("/stream", unreachable);
    store.ask("Why?");
    await vi.waitFor(() => expect(last(store).state).toMatchObject({ waiting: "unreachable" }), PATIENCE);
    store.stop();
    await status(store, "ready");
    expect(gateway.asked).toHaveLength(1);
    expect(last(store).answer).toMatchObject({ status: "aborted", parts: [] });
  });

  it("can be tried again when the server did not take it", async () => {
    const { store, gateway } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.answerNext("/runs/run1/stop", unreachable);
    store.stop();
    await vi.waitFor(() => expect(last(store).state).toMatchObject({ kind: "streaming", stopping: false }), PATIENCE);
    store.stop();
    await status(store, "ready");
  });
});

describe("failing", () => {
  it("says what the server says, keeps what has come, and tries again with a new key", async () => {
    const { store, gateway } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.send(start, ...text("Half"), { type: "error", errorText: "The model is gone.", code: "llm/failed" });
    await status(store, "error");
    expect(last(store).state).toMatchObject({ error: { code: "llm/failed", message: "The model is gone." } });
    expect(said(store)).toBe("Half");
    store.retry();
    expect(store.snapshot().turns).toHaveLength(1);
    await status(store, "streaming");
    expect(gateway.asked[1]?.requestId).not.toBe(gateway.asked[0]?.requestId);
    expect(gateway.asked[1]?.messages).toEqual(gateway.asked[0]?.messages);
  });

  it("says what a refusal says", async () => {
    const { store, gateway } = page();
    gateway.answerNext("/stream", () => refusal(422, "request/invalid", "Too strange."));
    store.ask("Why?");
    await status(store, "error");
    expect(last(store).state).toMatchObject({
      error: { code: "request/invalid", message: "Too strange.", retry: "new-key" },
    });
  });

  it("goes on with the same key after the server could not be reached", async () => {
    const { store, gateway } = page();
    gateway.answerNext("/stream", ...Array.from({ length: 30 }, () => unreachable));
    store.ask("Why?");
    await status(store, "error");
    expect(last(store).state).toMatchObject({ error: { code: "client/gave-up", retry: "same-key" } });
    store.retry();
    await status(store, "streaming");
    expect(gateway.asked.at(-1)).toEqual(gateway.asked[0]);
  });

  it("asks for a key after a 401, and repeats the question with the same request", async () => {
    const { store, gateway } = page();
    gateway.answerNext("/stream", () => refusal(401, "auth/required", "This needs credentials."));
    store.ask("Why?");
    await status(store, "error");
    expect(last(store).state).toMatchObject({ error: { code: "auth/required" } });
    store.retry();
    await status(store, "streaming");
    expect(gateway.asked[1]).toEqual(gateway.asked[0]);
  });

  it("asks anew, with a new key, on regenerate", async () => {
    const { store, gateway } = page();
    await answered(store, gateway, "Why?", "Because.");
    store.regenerate();
    expect(last(store).answer).toBeUndefined();
    await status(store, "streaming");
    expect(gateway.asked[1]?.requestId).not.toBe(gateway.asked[0]?.requestId);
    expect(gateway.asked[1]?.messages).toEqual([{ role: "user", content: "Why?" }]);
  });
});

describe("reloading", () => {
  it("goes on in mid-answer from the run, without loss or repeat", async () => {
    const { store, gateway, storage } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.send(start, ...text("One "), delta("two "));
    await vi.waitFor(() => expect(said(store)).toBe("One two "), PATIENCE);
    store.save();

    const reloaded = page({ gateway, storage });
    expect(said(reloaded.store)).toBe("One two ");
    gateway.send(delta("three"), finish);
    await status(reloaded.store, "ready");
    expect(said(reloaded.store)).toBe("One two three");
    expect(gateway.asked).toHaveLength(1);
    expect(gateway.calls).toContain("GET /runs/run1/events");
  });

  it("never shows less than it had shown before", async () => {
    const { store, gateway, storage } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.send(start, ...text("One "), delta("two "));
    await vi.waitFor(() => expect(said(store)).toBe("One two "), PATIENCE);
    store.save();

    const shown: string[] = [];
    const reloaded = page({ gateway, storage });
    reloaded.store.subscribe(() => shown.push(said(reloaded.store)));
    gateway.send(finish);
    await status(reloaded.store, "ready");
    expect(new Set(shown)).toEqual(new Set(["One two "]));
  });

  it("repeats the POST with the same body when it does not know the run", async () => {
    const { store, gateway, storage } = page();
    gateway.answerNext("/stream", () => new Promise<Response>(() => {}));
    store.ask("Why?");

    const reloaded = page({ gateway, storage });
    await status(reloaded.store, "streaming");
    expect(gateway.asked[1]).toEqual(gateway.asked[0]);
  });

  it("shows a finished conversation without asking the server", async () => {
    const { store, gateway, storage } = page();
    await answered(store, gateway, "Why?", "Because.");
    const before = gateway.calls.length;
    const reloaded = page({ gateway, storage });
    expect(said(reloaded.store)).toBe("Because.");
    expect(reloaded.store.snapshot()).toEqual(store.snapshot());
    expect(gateway.calls).toHaveLength(before);
  });

  it("reads a finished answer again that had no room in the storage", async () => {
    const { store, gateway, storage } = page({ roomFor: 700 });
    await answered(store, gateway, "Why?", "Because. ".repeat(100));
    const reloaded = page({ gateway, storage });
    expect(last(reloaded.store).answer).toBeUndefined();
    await vi.waitFor(() => expect(said(reloaded.store)).toBe("Because. ".repeat(100)), PATIENCE);
    expect(gateway.asked).toHaveLength(1);
  });

  it("says when the run is gone, and keeps what it had", async () => {
    const { store, gateway, storage } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.send(start, ...text("Half"));
    await vi.waitFor(() => expect(said(store)).toBe("Half"), PATIENCE);
    store.save();
    gateway.answerNext("/runs/run1/events", () => refusal(404, "run/not-found", "There is no such run."));
    const reloaded = page({ gateway, storage });
    await status(reloaded.store, "error");
    expect(last(reloaded.store).state).toMatchObject({ error: { code: "run/not-found", retry: "new-key" } });
    expect(said(reloaded.store)).toBe("Half");
  });

  it("begins anew when what was kept is not its own", () => {
    const { store } = page({ storage: { getItem: () => `{"threadId":1}`, setItem: () => {} } });
    expect(store.snapshot().turns).toEqual([]);
  });
});

describe("a broken connection", () => {
  it("is bridged by the run, and the answer has every word once", async () => {
    const { store, gateway } = page();
    store.ask("Why?");
    await status(store, "streaming");
    gateway.send(start, ...text("One "), delta("two "));
    await vi.waitFor(() => expect(said(store)).toBe("One two "), PATIENCE);
    const states: unknown[] = [];
    store.subscribe(() => states.push(last(store).state));
    gateway.cut();
    gateway.send(delta("three"), finish);
    await status(store, "ready");
    expect(said(store)).toBe("One two three");
    expect(states[0]).toEqual({ kind: "streaming", stopping: false, waiting: "unreachable" });
    expect(states[1]).toEqual({ kind: "streaming", stopping: false });
  });
});

describe("a new chat", () => {
  it("leaves the run alone and hears nothing more of it", async () => {
    const { store, gateway } = page();
    store.ask("Why?");
    await status(store, "streaming");
    const before = store.snapshot().threadId;
    store.startNew();
    gateway.send(start, ...text("Because"), finish);
    await settled();
    expect(store.snapshot().turns).toEqual([]);
    expect(store.snapshot().threadId).not.toBe(before);
    expect(gateway.calls.filter((call) => call.endsWith("/stop"))).toEqual([]);
  });

  it("is another conversation than that of another tab", async () => {
    const gateway = createFakeGateway();
    const [one, two] = [page({ gateway }), page({ gateway, ids: "other" })];
    await answered(one.store, gateway, "One?", "1");
    await answered(two.store, gateway, "Two?", "2");
    expect(one.store.snapshot().turns.map(({ question }) => question)).toEqual(["One?"]);
    expect(gateway.asked[1]?.messages).toEqual([{ role: "user", content: "Two?" }]);
  });
});

interface PageOptions {
  readonly gateway?: FakeGateway;
  readonly storage?: ChatStorage;
  readonly manualFrames?: boolean;
  readonly roomFor?: number;
  /** Time stands still: no second attempt comes. */
  readonly patient?: boolean;
  readonly ids?: string;
}

function page(options: PageOptions = {}) {
  const { gateway = createFakeGateway(), storage = memoryStorage(options.roomFor), ids = "id" } = options;
  const frames: (() => void)[] = [];
  let made = 0;
  const store = createChatStore({
    connection: {
      fetch: gateway.fetch,
      origin: "http://studio.test",
      random: (bytes) => bytes,
      ...(options.patient && { clock }),
    },
    storage,
    nextFrame: (run) => (options.manualFrames ? void frames.push(run) : queueMicrotask(run)),
    now: () => 0,
    newId: () => `${ids}${(made += 1)}`,
  });
  return { store, gateway, storage, frames };
}

const clock = { now: () => 0, timer: () => () => {} };

function memoryStorage(room = Infinity): ChatStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem(key, value) {
      if (value.length > room) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  };
}

const start = { type: "start", messageId: "m" };
const finish = { type: "finish", finishReason: "stop" };

function text(words: string): readonly object[] {
  return [{ type: "text-start", id: "t" }, delta(words)];
}

function delta(words: string): object {
  return { type: "text-delta", id: "t", delta: words };
}

function last(store: ChatStore) {
  const turn = store.snapshot().turns.at(-1);
  if (!turn) throw new Error("nothing was asked");
  return turn;
}

function said(store: ChatStore): string {
  return answerText(last(store).answer);
}

async function status(store: ChatStore, kind: string): Promise<void> {
  await vi.waitFor(() => expect(last(store).state.kind).toBe(kind), PATIENCE);
}

async function answered(store: ChatStore, gateway: FakeGateway, question: string, answer: string): Promise<void> {
  store.ask(question);
  await status(store, "streaming");
  gateway.send(start, ...text(answer), finish);
  await status(store, "ready");
}

/** All that is under way without a timer has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function unreachable(): Promise<Response> {
  throw new TypeError("fetch failed");
}
