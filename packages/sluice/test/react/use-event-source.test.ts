// @vitest-environment happy-dom
import { act, useState } from "react";
import { beforeEach, describe, expect, it } from "vitest";
import { useEventSource, type UseEventSourceOptions, type UseEventSourceResult } from "../../src/react/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { highest, lowest, refused } from "../client/support.ts";
import { createEventServer, type EventServer } from "./event-server.ts";
import { createFrames, renderHook, settled, type Frames, type Rendered, type RenderOptions } from "./render.ts";

const URL_A = "https://example.test/a";
const URL_B = "https://example.test/b";

let server: EventServer;
let frames: Frames;
let clock: ManualClock;
let calls: string[];
beforeEach(() => {
  server = createEventServer();
  frames = createFrames();
  clock = createManualClock();
  calls = [];
});

/** What is called, in order. */
const told: UseEventSourceOptions = {
  onOpen: () => calls.push("open"),
  onMessage: ({ type, data, lastEventId }) => calls.push(`${type} ${data} ${lastEventId}`.trim()),
  onError: ({ readyState, error }) => calls.push(`lost ${readyState}: ${error.message}`),
  onClose: () => calls.push("close"),
};

type Hook = Rendered<UseEventSourceResult<{ readonly content?: string }>, string | null>;

async function open(options: UseEventSourceOptions = told, rendering: RenderOptions = {}): Promise<Hook> {
  const given = { fetch: server.fetch, nextFrame: frames.nextFrame, clock, random: lowest, ...options };
  const hook = renderHook((url: string | null) => useEventSource(url, given), URL_A as string | null, rendering);
  await frames.next();
  return hook;
}

const hello = { event: "chunk", data: { content: "Hello, " }, id: "1" };
const help = { event: "chunk", data: { content: "how can I help?" }, id: "2" };

describe("what the hook returns", () => {
  it("is nothing yet before there is a connection", () => {
    const { current } = renderHook(() => useEventSource(null), undefined);
    expect(current).toMatchObject({
      data: undefined,
      lastEvent: undefined,
      error: undefined,
      isConnected: false,
      reconnectAttempts: 0,
    });
  });

  it("is the JSON of the last event, and the event itself", async () => {
    const hook = await open();
    expect(hook.current).toMatchObject({ isConnected: true, data: undefined });
    server.requests[0]?.send(hello);
    await frames.next();
    expect(hook.current.data).toEqual({ content: "Hello, " });
    expect(hook.current.lastEvent).toMatchObject({ type: "chunk", data: '{"content":"Hello, "}', lastEventId: "1" });
  });

  it("is text where an event carries no JSON", async () => {
    const hook = await open();
    server.requests[0]?.send({ data: "half {" });
    await frames.next();
    expect(hook.current.data).toBe("half {");
  });

  for (const event of ["done", "error", "typing", "heartbeat", "ping"]) {
    it(`keeps the data when ${event} comes, which is only the last event`, async () => {
      const hook = await open();
      server.requests[0]?.send(hello, { event, data: { isTyping: true } });
      await frames.next();
      expect(hook.current.data).toEqual({ content: "Hello, " });
      expect(hook.current.lastEvent?.type).toBe(event);
    });
  }

  it("changes once a frame, however many events come in it", async () => {
    const hook = await open();
    const before = hook.commits;
    for (let n = 0; n < 100; n += 1) server.requests[0]?.send({ event: "chunk", data: { content: `${n}` } });
    await frames.next();
    expect(hook.commits).toBe(before + 1);
    expect(hook.current.data).toEqual({ content: "99" });
  });

  it("is one commit together with what the handlers set", async () => {
    const given = { fetch: server.fetch, nextFrame: frames.nextFrame };
    const useContent = () => {
      const [content, setContent] = useState("");
      const onMessage = ({ data }: MessageEvent<string>): void => setContent((text) => text + JSON.parse(data).content);
      return { ...useEventSource(URL_A, { ...given, onMessage }), content };
    };
    const hook = renderHook(useContent, undefined);
    await frames.next();
    const before = hook.commits;
    server.requests[0]?.send(hello, help);
    await frames.next();
    expect(hook.current.content).toBe("Hello, how can I help?");
    expect(hook.commits).toBe(before + 1);
  });

  it("loses nothing of more events than one frame takes", async () => {
    await open();
    const all = Array.from({ length: 2_500 }, (_, n) => ({ data: `${n}` }));
    server.requests[0]?.send(...all);
    for (let n = 0; n < 4; n += 1) await frames.next();
    expect(calls.slice(1)).toEqual(all.map(({ data }) => `message ${data}`));
  });
});

describe("the handlers", () => {
  it("have every event, whatever its name, as text", async () => {
    await open();
    server.requests[0]?.send({ event: "typing", data: { isTyping: true } }, hello, { data: "plain" });
    await frames.next();
    expect(calls).toEqual(["open", 'typing {"isTyping":true}', 'chunk {"content":"Hello, "} 1', "message plain 1"]);
  });

  it("have an event of their own name first", async () => {
    const eventHandlers = { chunk: ({ type }: MessageEvent<string>) => calls.push(`own ${type}`) };
    await open({ ...told, eventHandlers });
    server.requests[0]?.send({ event: "chunk", data: 1 }, { event: "__proto__", data: 2 });
    await frames.next();
    expect(calls).toEqual(["open", "own chunk", "chunk 1", "__proto__ 2"]);
  });

  it("are those of the last render", async () => {
    const useNamed = (name: string) =>
      useEventSource(URL_A, {
        fetch: server.fetch,
        nextFrame: frames.nextFrame,
        onMessage: ({ data }) => calls.push(`${name} ${data}`),
      });
    const hook = renderHook<unknown, string>(useNamed, "first");
    await frames.next();
    hook.rerender("second");
    server.requests[0]?.send({ data: "x" });
    await frames.next();
    expect(calls).toEqual(["second x"]);
    expect(server.requests).toHaveLength(1);
  });

  it("are told of the end after done, and nobody asks again", async () => {
    const hook = await open();
    server.requests[0]?.send({ event: "done", data: {} });
    server.requests[0]?.end();
    await frames.next();
    expect(calls).toEqual(["open", "done {}", "close"]);
    expect(hook.current).toMatchObject({ isConnected: false, error: undefined });
    await clock.advance(60_000);
    expect(server.requests).toHaveLength(1);
  });

  it("have the server's error as an event, after which nobody asks again", async () => {
    const hook = await open();
    server.requests[0]?.send({ event: "error", data: { message: "No model." } });
    server.requests[0]?.end();
    await frames.next();
    expect(calls).toEqual(["open", 'error {"message":"No model."}', "close"]);
    expect(hook.current.error).toBeUndefined();
    await clock.advance(60_000);
    expect(server.requests).toHaveLength(1);
  });

  it("are told of a refusal, which is not asked again", async () => {
    server.refuse(() => refused(404, "run/not-found"));
    const hook = await open();
    expect(calls).toEqual([expect.stringMatching(/^lost 2: .* 404 .*run\/not-found/), "close"]);
    expect(hook.current.error).toMatchObject({ code: "client/refused" });
    await clock.advance(60_000);
    expect(server.requests).toHaveLength(1);
  });

  it("are told of the end by a 204", async () => {
    server.refuse(() => new Response(null, { status: 204 }));
    await open();
    expect(calls).toEqual(["close"]);
  });
});

describe("a connection that is lost", () => {
  it("is told of, and taken up again after the last event", async () => {
    const hook = await open();
    server.requests[0]?.send(hello);
    await frames.next();
    server.requests[0]?.cut();
    await frames.next();
    expect(hook.current).toMatchObject({ isConnected: false, reconnectAttempts: 1, data: { content: "Hello, " } });
    expect(hook.current.error?.message).toContain("network error");
    await clock.advance(0);
    await frames.next();
    expect(server.requests[1]?.headers.get("last-event-id")).toBe("1");
    expect(hook.current).toMatchObject({ isConnected: true, error: undefined });
    server.requests[1]?.send(help);
    await frames.next();
    expect(hook.current.reconnectAttempts).toBe(0);
    expect(calls.filter((call) => call.startsWith("chunk"))).toHaveLength(2);
  });

  it("is waited for as long as reconnectDelay says, by default up to 5 s", async () => {
    await open({ random: highest });
    server.requests[0]?.cut();
    await settled();
    await clock.advance(4_990);
    expect(server.requests).toHaveLength(1);
    await clock.advance(10);
    expect(server.requests).toHaveLength(2);
  });

  it("is waited for as the server wishes", async () => {
    await open({ random: highest });
    server.requests[0]?.send({ retry: 20 });
    await settled();
    server.requests[0]?.cut();
    await settled();
    await clock.advance(20);
    expect(server.requests).toHaveLength(2);
  });

  it("is given up after maxReconnectAttempts, by default 5", async () => {
    const hook = await open();
    server.refuse(() => refused(503, "log/unavailable"));
    server.requests[0]?.cut();
    for (let n = 0; n < 8; n += 1) {
      await settled();
      await clock.advance(60_000);
    }
    await frames.next();
    expect(server.requests).toHaveLength(1 + 5);
    expect(calls.filter((call) => call.startsWith("lost 0"))).toHaveLength(5);
    expect(calls.slice(-2)).toEqual([expect.stringMatching(/^lost 2: .*attempts in a row: 6/), "close"]);
    expect(hook.current).toMatchObject({ isConnected: false, reconnectAttempts: 5, error: { code: "client/gave-up" } });
  });

  it("is given up at once where no attempt is wanted", async () => {
    await open({ ...told, maxReconnectAttempts: 0 });
    server.requests[0]?.cut();
    await frames.next();
    expect(calls.slice(-1)).toEqual(["close"]);
    expect(server.requests).toHaveLength(1);
  });
});

describe("a stream of anybody's server", () => {
  it("may name its events as it likes", async () => {
    await open();
    server.requests[0]?.send({ data: "a", id: "msg-2" }, { data: "b", id: "msg-1" }, { data: "c", id: "msg-1" });
    await frames.next();
    expect(calls).toEqual(["open", "message a msg-2", "message b msg-1", "message c msg-1"]);
  });

  it("may be silent for an hour", async () => {
    const hook = await open();
    await clock.advance(3_600_000);
    await frames.next();
    expect(hook.current.isConnected).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it("is asked without cookies of another origin, or with them", async () => {
    (await open()).unmount();
    await open({ withCredentials: true, headers: { authorization: "Bearer k" } });
    expect(server.requests.map(({ credentials }) => credentials)).toEqual(["same-origin", "include"]);
    expect(server.requests[1]?.headers.get("authorization")).toBe("Bearer k");
  });
});

describe("close and reconnect", () => {
  it("close ends it for good, and tells", async () => {
    const hook = await open();
    server.requests[0]?.send(hello);
    act(() => hook.current.close());
    expect(hook.current.isConnected).toBe(false);
    await frames.next();
    expect(calls).toEqual(["open", "close"]);
    expect(server.open).toBe(0);
    act(() => hook.current.close());
    await clock.advance(60_000);
    expect(calls).toEqual(["open", "close"]);
    expect(server.requests).toHaveLength(1);
  });

  it("reconnect goes on after the last event that was handled, not after the last one that came", async () => {
    const hook = await open();
    server.requests[0]?.send(hello);
    await frames.next();
    server.requests[0]?.send(help);
    await settled();
    act(() => hook.current.reconnect());
    await frames.next();
    expect(server.requests[1]?.headers.get("last-event-id")).toBe("1");
    expect(server.open).toBe(1);
    server.requests[1]?.send(help);
    await frames.next();
    expect(calls.filter((call) => call.startsWith("chunk"))).toEqual([
      'chunk {"content":"Hello, "} 1',
      'chunk {"content":"how can I help?"} 2',
    ]);
  });

  it("reconnect after the end begins anew", async () => {
    const hook = await open();
    server.requests[0]?.send(hello, { event: "done", data: {}, id: "2" });
    server.requests[0]?.end();
    await frames.next();
    act(() => hook.current.reconnect());
    await frames.next();
    expect(server.requests[1]?.headers.has("last-event-id")).toBe(false);
    expect(hook.current.isConnected).toBe(true);
  });

  it("reconnect after giving up goes on after the last event, with all attempts before it", async () => {
    const hook = await open({ ...told, maxReconnectAttempts: 0 });
    server.requests[0]?.send(hello);
    await frames.next();
    server.requests[0]?.cut();
    await frames.next();
    expect(hook.current.error).toBeDefined();
    act(() => hook.current.reconnect());
    expect(hook.current).toMatchObject({ isConnected: false, error: undefined, reconnectAttempts: 0 });
    await frames.next();
    expect(server.requests[1]?.headers.get("last-event-id")).toBe("1");
    expect(hook.current.isConnected).toBe(true);
  });

  it("can be called by a handler", async () => {
    const { result }: { result: { current?: Hook } } = { result: {} };
    const onMessage = ({ data }: MessageEvent<string>): void => {
      calls.push(data);
      result.current?.current.close();
    };
    result.current = await open({ onMessage });
    server.requests[0]?.send({ data: "a" }, { data: "b" });
    await frames.next();
    expect(calls).toEqual(["a"]);
  });
});

describe("the component", () => {
  it("has one connection at a time, and one alone in StrictMode", async () => {
    const hook = await open(told, { strict: true });
    expect(server.requests).toHaveLength(1);
    server.requests[0]?.send(hello);
    await frames.next();
    expect(hook.current.data).toEqual({ content: "Hello, " });
    expect(calls).toEqual(["open", 'chunk {"content":"Hello, "} 1']);
  });

  it("leaves when it goes, and is told nothing more", async () => {
    const hook = await open();
    server.requests[0]?.send(hello);
    await settled();
    hook.unmount();
    await frames.next();
    expect(server.open).toBe(0);
    expect(calls).toEqual(["open"]);
    expect(clock.timers).toBe(0);
  });

  it("leaves one stream for another when the URL is another, and begins anew there", async () => {
    const hook = await open();
    server.requests[0]?.send(hello);
    await frames.next();
    hook.rerender(URL_B);
    expect(hook.current).toMatchObject({ data: undefined, isConnected: false });
    await frames.next();
    expect(server.open).toBe(1);
    expect(server.requests[1]?.url).toBe(URL_B);
    expect(server.requests[1]?.headers.has("last-event-id")).toBe(false);
    hook.rerender(null);
    await settled();
    expect(server.open).toBe(0);
    expect(hook.current.isConnected).toBe(false);
  });

  it("asks once, whatever else changes", async () => {
    const hook = await open();
    hook.rerender(URL_A);
    hook.rerender(URL_A);
    await frames.next();
    expect(server.requests).toHaveLength(1);
  });
});
