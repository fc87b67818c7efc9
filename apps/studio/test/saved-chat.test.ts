import { describe, expect, it } from "vitest";
import type { Chat, Turn } from "../src/chat/chat.ts";
import { loadChat, saveChat, type ChatStorage } from "../src/chat/saved-chat.ts";

describe("a chat that is kept", () => {
  it("comes back as it was", () => {
    const storage = storageWith(Infinity);
    const chat = chatOf(turn(1), turn(2));
    saveChat(storage, chat);
    expect(loadChat(storage)).toEqual(chat);
  });

  it("leaves out the oldest answers where there is no room, and no question", () => {
    const chat = chatOf(turn(1), turn(2), turn(3), turn(4), turn(5));
    for (const room of [1400, 1000, 800]) {
      const storage = storageWith(room);
      saveChat(storage, chat);
      const turns = loadChat(storage)?.turns ?? [];
      expect(turns.map(({ question }) => question)).toEqual(chat.turns.map(({ question }) => question));
      const kept = turns.map(({ answer }) => answer !== undefined);
      expect(kept.join(" ")).toMatch(/^false( false)*( true)*$/);
    }
  });

  it("keeps what an answer has that is not finished: it may be the only one to have it", () => {
    const failed: Turn = { ...turn(1), state: { kind: "error", error: { code: "x", message: "x", retry: "new-key" } } };
    const storage = storageWith(500);
    saveChat(storage, chatOf(failed, turn(2)));
    expect(loadChat(storage)?.turns[0]?.answer).toEqual(failed.answer);
  });

  it("is forgotten, and nothing else happens, where nothing can be kept", () => {
    const storage = storageWith(0);
    saveChat(storage, chatOf(turn(1)));
    expect(loadChat(storage)).toBeUndefined();
    saveChat(storage, chatOf());
    expect(loadChat(storage)).toBeUndefined();
  });

  it("is not taken from what another version has written", () => {
    for (const text of ["", "null", "[]", "{", `{"threadId":"t"}`, `{"threadId":"t","turns":{}}`]) {
      expect(loadChat({ getItem: () => text, setItem: () => {} })).toBeUndefined();
    }
    const turns = [
      null,
      {},
      { requestId: "r", question: "q" },
      { ...turn(1), state: { kind: "new" } },
      { ...turn(2), answer: {} },
    ];
    const text = JSON.stringify({ threadId: "t", turns: [...turns, turn(3)] });
    expect(loadChat({ getItem: () => text, setItem: () => {} })?.turns).toEqual([turn(3)]);
  });
});

function chatOf(...turns: readonly Turn[]): Chat {
  return { threadId: "thread", turns };
}

function turn(number: number): Turn {
  return {
    requestId: `request${number}`,
    question: `Question ${number}?`,
    runId: `run${number}`,
    answer: {
      id: "m",
      role: "assistant",
      status: "finished",
      parts: [{ type: "text", text: "x".repeat(100), state: "done" }],
    },
    state: { kind: "ready" },
  };
}

function storageWith(room: number): ChatStorage {
  let kept: string | null = null;
  return {
    getItem: () => kept,
    setItem(_key, value) {
      if (value.length > room) throw new DOMException("full", "QuotaExceededError");
      kept = value;
    },
  };
}
