import { describe, expect, it } from "vitest";
import { createDrafts } from "../src/state/drafts.ts";
import { createSettings } from "../src/state/settings.ts";
import { createStudio, type StudioOptions } from "../src/state/studio.ts";
import { createThreadList } from "../src/state/thread-list.ts";
import { createWireLog } from "../src/state/wire-log.ts";
import { createFakeChat, type FakeChat } from "./fake-chat.ts";

describe("opening a chat", () => {
  it("begins with a new one at the bare address, without asking the server for a history", () => {
    const { studio, chats, addresses } = given();
    expect(studio.current.getSnapshot()).toMatchObject({ threadId: "id1", isNew: true });
    expect(chats[0]?.options).toMatchObject({ threadId: "id1", load: false });
    expect(addresses).toEqual([]);
  });

  it("begins with the one that the address names, and loads it", () => {
    const { studio, chats } = given({ threadId: "t7" });
    expect(studio.current.getSnapshot()).toMatchObject({ threadId: "t7", isNew: false });
    expect(chats[0]?.options).toMatchObject({ threadId: "t7", load: true });
  });

  it("leaves the one before without stopping it, and names the new one in the address", () => {
    const { studio, chats, addresses } = given();
    studio.open("t7");
    expect(chats[0]?.calls).toEqual(["save", "close"]);
    expect(chats[0]?.listeners).toBe(0);
    expect(addresses).toEqual(["push /?thread=t7"]);
    studio.open();
    expect(addresses.at(-1)).toBe("push /");
  });

  it("follows an address that has changed already, and does nothing for the one that is open", () => {
    const { studio, chats, addresses } = given();
    studio.open();
    expect(chats).toHaveLength(1);
    studio.open("t7", "stay");
    studio.open("t7");
    expect(chats).toHaveLength(2);
    expect(addresses).toEqual([]);
  });
});

describe("asking", () => {
  it("gives a new chat its address and its place in the list", () => {
    const { studio, addresses } = given();
    studio.drafts.set(undefined, "Why?");
    expect(studio.send("Why?")).toBe(true);
    expect(addresses).toEqual(["replace /?thread=id1"]);
    expect(studio.current.getSnapshot().isNew).toBe(false);
    expect(studio.drafts.get(undefined)).toBe("");
    expect(studio.threads.getSnapshot().threads).toMatchObject([{ id: "id1", title: "Why?", running: true }]);
    studio.send("again, while it runs");
    expect(studio.threads.getSnapshot().threads[0]?.title).toBe("Why?");
  });

  it("names the chosen model, as long as the server has it", async () => {
    const { studio, chats } = given();
    await settled();
    studio.settings.change({ model: "gone" });
    studio.send("One");
    chats[0]?.set({ status: "ready" });
    studio.settings.change({ model: "large" });
    studio.send("Two");
    studio.regenerate();
    expect(chats[0]?.calls).toEqual(["send One {}", `send Two {"model":"large"}`, `regenerate {"model":"large"}`]);
  });

  it("marks the chat until its answer is here, and asks for the list when the server has named it", async () => {
    const { studio, chats, asked } = given();
    studio.send("Why?");
    await settled();
    const before = asked.length;
    chats[0]?.set({ status: "streaming" });
    await settled();
    expect(asked.slice(before)).toEqual(["/threads?limit=100"]);
    chats[0]?.set({ status: "ready" });
    expect(studio.threads.getSnapshot().threads[0]?.running).toBe(false);
  });
});

describe("another wording on the wire", () => {
  it("takes the open chat up again in it, and keeps the choice", () => {
    const { studio, chats } = given({ threadId: "t7" });
    studio.setDialect("simple");
    expect(chats[0]?.calls).toEqual(["save", "close"]);
    expect(chats[1]?.options).toMatchObject({ threadId: "t7", dialect: "simple", load: true });
    expect(chats[1]?.options.decode).toBeTypeOf("function");
    studio.setDialect("simple");
    expect(chats).toHaveLength(2);
    studio.open();
    expect(chats[2]?.options.dialect).toBe("simple");
  });
});

describe("another wording before the first question", () => {
  // Who had attached files to the first question of a chat, and then chose a dialect, had no files any more.
  it("stays in the same chat: what was written and attached belongs to it", () => {
    const { studio, chats } = given();
    studio.setDialect("simple");
    expect(studio.current.getSnapshot()).toMatchObject({ threadId: "id1", isNew: true });
    expect(chats[1]?.options).toMatchObject({ threadId: "id1", dialect: "simple", load: false });
  });
});

describe("deleting the open chat", () => {
  // Who went back to a chat that was about to be deleted and regenerated its answer lost the chat all the same.
  it("is taken back by asking there once more", () => {
    const { studio } = given();
    studio.send("Why?");
    const { threadId } = studio.current.getSnapshot();
    studio.remove(threadId);
    studio.open(threadId, "stay");
    expect(studio.threads.getSnapshot().removed).toMatchObject({ id: threadId });
    studio.regenerate();
    expect(studio.threads.getSnapshot().removed).toBeUndefined();
    expect(studio.threads.getSnapshot().threads).toMatchObject([{ id: threadId }]);
  });

  // The same with "Try again" below an answer that failed.
  it("is taken back by trying again there", () => {
    const { studio, chats } = given();
    studio.send("Why?");
    const { threadId } = studio.current.getSnapshot();
    studio.remove(threadId);
    studio.open(threadId, "stay");
    studio.retry();
    expect(chats.at(-1)?.calls).toEqual(["retry"]);
    expect(studio.threads.getSnapshot().removed).toBeUndefined();
  });

  it("leaves it for a new one", () => {
    const { studio, addresses } = given();
    studio.send("Why?");
    const { threadId } = studio.current.getSnapshot();
    studio.remove(threadId);
    expect(studio.current.getSnapshot()).toMatchObject({ isNew: true });
    expect(studio.current.getSnapshot().threadId).not.toBe(threadId);
    expect(addresses.at(-1)).toBe("push /");
    expect(studio.threads.getSnapshot().threads).toEqual([]);
  });
});

describe("a key", () => {
  it("is exchanged, and what failed for want of it is tried again", async () => {
    const { studio, chats, asked } = given();
    studio.send("Why?");
    chats[0]?.set({ status: "error", error: { code: "auth/required", message: "", status: 401, retry: "same-run" } });
    await studio.enterKey("k1");
    expect(asked).toContain(`POST /session {"key":"k1"}`);
    expect(chats[0]?.calls.at(-1)).toBe("retry");
  });

  it("that the server does not know is told, and nothing is tried", async () => {
    const { studio, chats } = given();
    await expect(studio.enterKey("wrong")).rejects.toThrow("This key is not known.");
    expect(chats[0]?.calls).toEqual([]);
  });
});

function given(options: Partial<StudioOptions> = {}) {
  const chats: FakeChat[] = [];
  const addresses: string[] = [];
  const asked: string[] = [];
  let made = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const body = typeof init?.body === "string" ? ` ${init.body}` : "";
    asked.push(`${init?.method === undefined ? "" : `${init.method} `}${url.pathname}${url.search}${body}`);
    if (body.includes("wrong")) {
      return Response.json({ error: { code: "auth/required", message: "This key is not known." } }, { status: 401 });
    }
    if (url.pathname === "/registry") {
      return Response.json({
        models: [
          { name: "small", demo: false },
          { name: "large", demo: false },
        ],
        dialects: [],
      });
    }
    return url.pathname === "/session" ? new Response(null, { status: 204 }) : Response.json({ threads: [] });
  };
  const server = { fetch, origin: "http://studio.test" };
  const threads = createThreadList({
    readThreads: async () => {
      await server.fetch(new URL("/threads?limit=100", server.origin));
      return { threads: [] };
    },
    readRunning: async () => [],
    rename: async () => {},
    delete: async () => {},
    now: () => 0,
    timer: () => () => {},
  });
  const studio = createStudio({
    server,
    threads,
    settings: createSettings(undefined),
    drafts: createDrafts(undefined),
    createChat(chatOptions) {
      const chat = createFakeChat(chatOptions);
      chats.push(chat);
      return chat;
    },
    createWireLog: () => createWireLog({ now: () => 0, soon: queueMicrotask }),
    newId: () => `id${(made += 1)}`,
    navigate: (address, how) => void addresses.push(`${how} ${address}`),
    ...options,
  });
  return { studio, chats, addresses, asked };
}

/** All that is under way without a timer has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
