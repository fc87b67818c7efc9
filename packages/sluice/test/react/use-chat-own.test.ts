// @vitest-environment happy-dom
import { act, createElement, type ReactElement } from "react";
import { hydrateRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChatStorage } from "../../src/client/chat/types.ts";
import { useChat, type UseChatOptions } from "../../src/react/index.ts";
import { answer, DONE } from "./answer.ts";
import { createEventServer, type EventServer } from "./event-server.ts";
import { createFrames, renderHook, settled, type Frames } from "./render.ts";

const RUN = { "sluice-run-id": "run_1", location: "/runs/run_1/events?dialect=ai-sdk" };

let server: EventServer;
let frames: Frames;
beforeEach(() => {
  server = createEventServer(RUN);
  frames = createFrames();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function given(options: UseChatOptions = {}): UseChatOptions {
  return {
    url: "https://example.test/stream",
    fetch: server.fetch,
    nextFrame: frames.nextFrame,
    storage: null,
    tabs: null,
    ...options,
  };
}

function bodyOf(index: number): unknown {
  return JSON.parse(server.requests[index]?.body ?? "null");
}

describe("a chat of its own", () => {
  it("without options posts what was typed to /stream of the page", async () => {
    vi.stubGlobal("fetch", server.fetch);
    const hook = renderHook(() => useChat(), undefined);
    act(() => hook.current.handleInputChange({ target: { value: "Why?" } }));
    act(() => hook.current.handleSubmit());
    expect(hook.current).toMatchObject({ status: "submitted", input: "", isLoading: true });
    await act(() => settled());
    expect(server.requests[0]).toMatchObject({ method: "POST" });
    expect(new URL(server.requests[0]?.url ?? "").pathname).toBe("/stream");
    expect(bodyOf(0)).toMatchObject({ message: { content: "Why?" } });
    hook.unmount();
  });

  it("shows the question at once, the answer as it comes, and all of it when it is ready", async () => {
    const { begin, words, end } = answer("Because ", "water ", "flows.");
    const hook = renderHook(() => useChat(given()), undefined);
    act(() => void hook.current.send("Why?"));
    expect(hook.current.messages).toMatchObject([{ role: "user", content: "Why?", status: "pending" }]);
    await settled();
    server.requests[0]?.send(...begin, ...words.slice(0, 2));
    await frames.next();
    expect(hook.current.status).toBe("streaming");
    expect(hook.current.messages[1]).toMatchObject({ content: "Because water ", status: "streaming" });
    server.requests[0]?.send(...words.slice(2), ...end, DONE);
    server.requests[0]?.end();
    await act(() => settled());
    await frames.next();
    expect(hook.current.status).toBe("ready");
    expect(hook.current.messages[1]).toMatchObject({ content: "Because water flows.", status: "finished" });
  });

  it("is committed once a frame, however many tokens come in it", async () => {
    const { begin, words } = answer(...Array.from({ length: 600 }, (_, n) => `${n} `));
    const hook = renderHook(() => useChat(given()), undefined);
    act(() => void hook.current.send("Count."));
    await settled();
    server.requests[0]?.send(...begin);
    await frames.next();
    const before = hook.commits;
    for (const word of words) server.requests[0]?.send(word);
    await settled();
    expect(hook.commits).toBe(before);
    await frames.next();
    expect(hook.commits).toBe(before + 1);
    expect(hook.current.messages[1]?.content).toMatch(/^0 .* 599 $/);
  });

  it("asks once in StrictMode, and loses nothing", async () => {
    const { begin, words } = answer("Because");
    const hook = renderHook(() => useChat(given()), undefined, { strict: true });
    await settled();
    act(() => void hook.current.send("Why?"));
    await settled();
    expect(server.requests).toHaveLength(1);
    server.requests[0]?.send(...begin, ...words);
    await frames.next();
    expect(hook.current.messages[1]?.content).toBe("Because");
    expect(server.open).toBe(1);
  });

  it("leaves when the component goes, and stops nothing", async () => {
    const hook = renderHook(() => useChat(given()), undefined);
    act(() => void hook.current.send("Why?"));
    await settled();
    server.requests[0]?.send(...answer().begin);
    await frames.next();
    hook.unmount();
    await settled();
    expect(server.open).toBe(0);
    expect(server.requests).toHaveLength(1);
  });

  it("stops when it is told to", async () => {
    const hook = renderHook(() => useChat(given()), undefined);
    act(() => void hook.current.send("Why?"));
    await settled();
    server.requests[0]?.send(...answer().begin);
    await frames.next();
    act(() => hook.current.stop());
    expect(hook.current.stopping).toBe(true);
    await settled();
    expect(server.requests[1]).toMatchObject({ method: "POST", url: "https://example.test/runs/run_1/stop" });
    hook.unmount();
  });
});

describe("options in another render", () => {
  it("are the body, the headers and the callbacks of the last one", async () => {
    const calls: string[] = [];
    const useNamed = (name: string) =>
      useChat(
        given({
          body: { graphType: name, locale: "en" },
          headers: { "x-user": name },
          onEvent: () => calls.push(name),
          onFinish: ({ content }) => calls.push(`${name} ${content}`),
        }),
      );
    const hook = renderHook<ReturnType<typeof useChat>, string>(useNamed, "first");
    hook.rerender("second");
    act(() => void hook.current.send("Why?", { body: { locale: "de" } }));
    await settled();
    expect(bodyOf(0)).toMatchObject({ graphType: "second", locale: "de" });
    expect(server.requests[0]?.headers.get("x-user")).toBe("second");
    hook.rerender("third");
    const { begin, words, end } = answer("Because");
    server.requests[0]?.send(...begin, ...words, ...end, DONE);
    server.requests[0]?.end();
    await act(() => settled());
    expect(new Set(calls)).toEqual(new Set(["third", "third Because"]));
    act(() => hook.current.regenerate());
    await settled();
    expect(bodyOf(1)).toMatchObject({ graphType: "third", locale: "en" });
    hook.unmount();
  });

  for (const [what, other] of Object.entries({
    threadId: { threadId: "thread_2" },
    url: { url: "https://example.test/other/stream" },
  })) {
    it(`make it another chat where ${what} is another, and leave the run of the first`, async () => {
      const hook = renderHook((options: UseChatOptions) => useChat(given(options)), { threadId: "thread_1" });
      act(() => void hook.current.send("Why?"));
      await settled();
      const first = hook.current.chat;
      hook.rerender({ threadId: "thread_1", ...other });
      await settled();
      expect(hook.current.chat).not.toBe(first);
      expect(hook.current).toMatchObject({ messages: [], status: "ready" });
      expect(server.open).toBe(0);
      expect(server.requests).toHaveLength(1);
      hook.unmount();
    });
  }

  it("leave the chat as it is where they say the same", () => {
    const hook = renderHook<ReturnType<typeof useChat>, number>(
      () => useChat(given({ url: new URL("https://example.test/stream") })),
      1,
    );
    const { chat } = hook.current;
    hook.rerender(2);
    expect(hook.current.chat).toBe(chat);
    hook.unmount();
  });
});

function createStorage(): ChatStorage {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

describe("a page after a reload", () => {
  it("reads on over one connection, also in StrictMode", async () => {
    const storage = createStorage();
    const before = renderHook(() => useChat(given({ storage })), undefined);
    act(() => void before.current.send("Why?"));
    await settled();
    before.unmount();
    await settled();
    const hook = renderHook(() => useChat(given({ storage })), undefined, { strict: true });
    await act(() => settled());
    expect(server.requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
    const { begin, words } = answer("Because");
    server.requests[1]?.send(...begin, ...words);
    await frames.next();
    expect(hook.current.messages.map(({ content }) => content)).toEqual(["Why?", "Because"]);
    hook.unmount();
    await settled();
  });
});

describe("a page that a server has rendered", () => {
  it("shows the same first, and then what this tab has kept", async () => {
    const storage = createStorage();
    const Page = ({ keeps }: { readonly keeps: ChatStorage | null }): ReactElement => {
      const { messages, threadId, status } = useChat(given({ threadId: "thread_1", storage: keeps }));
      return createElement("pre", null, `${threadId} ${status} ${messages.map(({ content }) => content).join()}`);
    };
    const before = renderHook(() => useChat(given({ threadId: "thread_1", storage })), undefined);
    act(() => void before.current.send("Why?"));
    before.unmount();
    await settled();

    const container = document.createElement("div");
    container.innerHTML = renderToString(createElement(Page, { keeps: null }));
    expect(container.textContent).toBe("thread_1 ready ");
    const errors: unknown[] = [];
    const options = { onRecoverableError: (error: unknown) => errors.push(error) };
    let root: Root | undefined;
    act(() => {
      root = hydrateRoot(container, createElement(Page, { keeps: storage }), options);
    });
    expect(errors).toEqual([]);
    expect(container.textContent).toBe("thread_1 submitted Why?");
    act(() => root?.unmount());
    await settled();
  });
});
