import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { EventSource, type EventSourceErrorEvent } from "../../src/client/index.ts";
import { createGraphs } from "../../src/graphs/index.ts";
import { startFaultProxy, type FaultProxy } from "../../src/testing/fault-proxy.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { startNodeSite, type NodeSite } from "../http/support.ts";
import { answer, encodeFrames, events, highest, lowest, refused, scriptedFetch } from "./support.ts";

const url = "https://example.test/events";
const frames = answer("one", "two");
const named = { "sluice-run-id": "run_1", location: "/runs/run_1/events?dialect=simple" };

/** The events that listeners of these names are given, up to the closing. */
function until(source: EventSource, types: readonly string[]): Promise<(MessageEvent & EventSourceErrorEvent)[]> {
  const told: (MessageEvent & EventSourceErrorEvent)[] = [];
  return new Promise((resolve) => {
    for (const type of types) {
      source.addEventListener(type, (event) => {
        told.push(event as MessageEvent & EventSourceErrorEvent);
        if (source.readyState === EventSource.CLOSED) resolve(told);
      });
    }
  });
}

describe("an EventSource on a run", () => {
  let site: NodeSite;
  let proxy: FaultProxy;
  const says = ["Once", " upon", " a time"];
  let goOn: Promise<void> = Promise.resolve();

  beforeEach(async () => {
    const build = async function* (): AsyncGenerator<string> {
      for (const [index, text] of says.entries()) {
        if (index > 0) await goOn;
        yield text;
      }
    };
    site = await startNodeSite(createGraphs({ graphs: [{ name: "streaming-chat", version: "1.0.0", build }] }));
    proxy = await startFaultProxy({ target: site });
    vi.stubGlobal("location", { href: `${proxy.url}/page` });
  });
  afterEach(async () => {
    vi.unstubAllGlobals();
    await proxy.close();
    await site.close();
  });

  it("takes seed 004 literally: it posts, and after a cut reads on by GET at the Location", async () => {
    let release = (): void => {};
    goOn = new Promise((resolve) => (release = resolve));
    const asked: (string | undefined)[] = [];
    const spy: typeof globalThis.fetch = (target, init) => {
      const request = new Request(target, init);
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return fetch(request);
    };
    const eventSource = new EventSource("/stream", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        requestId: "req-001",
        graphType: "streaming-chat",
        message: { content: "Hello" },
      }),
      // Not the document's: no pause before it comes back, and who watches.
      random: lowest,
      fetch: spy,
    });
    eventSource.onerror = () => release();
    const chunks: string[] = [];
    eventSource.addEventListener("stream_event", (event) => {
      const data = JSON.parse(event.data);
      if (data.type !== "chunk") return;
      if (chunks.push(data.content) === 1) proxy.cutAll();
    });
    const text = await new Promise((resolve) => {
      eventSource.addEventListener("final", (event) => {
        const data = JSON.parse(event.data);
        resolve(data.text);
        eventSource.close();
      });
    });
    expect(text).toBe(says.join(""));
    expect(chunks.join("")).toBe(text);
    expect(eventSource.readyState).toBe(EventSource.CLOSED);
    expect(asked[0]).toBe("POST /stream");
    expect(asked.slice(1)).toEqual([expect.stringMatching(/^GET \/runs\/[^/]+\/events$/)]);
  });

  it("is closed after the terminal, tells so by one error, and does not come back", async () => {
    const body = { graphType: "streaming-chat", message: { content: "Hello" } };
    const source = new EventSource("/stream", { body });
    const told = await until(source, ["final", "error"]);
    expect(told.map(({ type, readyState }) => [type, readyState])).toEqual([
      ["final", undefined],
      ["error", 2],
    ]);
    expect(told[1]?.message).toBe("The answer is complete.");
    expect(proxy.connections).toBe(1);
  });

  it("is told of a run that failed by one event: its own error, on a closed source", async () => {
    const wrong = encodeFrames([...frames.slice(0, 1), { event: "error", data: '{"code":"llm/failed"}', id: "12" }]);
    const { fetch, asked } = scriptedFetch(() => events(wrong, { headers: named }));
    const source = new EventSource(url, { fetch });
    const told = await until(source, ["chunk", "error"]);
    expect(told.map(({ type, data, readyState }) => [type, data, readyState])).toEqual([
      ["chunk", "one", undefined],
      ["error", '{"code":"llm/failed"}', 2],
    ]);
    expect(asked).toHaveLength(1);
  });
});

describe("an EventSource of ours", () => {
  it("has each event of a run once, also when the server begins from the start again", async () => {
    const { fetch } = scriptedFetch(
      () => events(encodeFrames(frames.slice(0, 1)), { headers: named }),
      () => events(encodeFrames(frames), { headers: named }),
    );
    const source = new EventSource(url, { fetch, random: lowest });
    const told = await until(source, ["chunk", "message", "done", "error"]);
    expect(told.map(({ type, data }) => [type, data])).toEqual([
      ["chunk", "one"],
      ["error", undefined],
      ["chunk", "two"],
      ["message", "onetwo"],
      ["done", "{}"],
      ["error", undefined],
    ]);
    expect(told.map(({ readyState }) => readyState)).toEqual([undefined, 0, undefined, undefined, undefined, 2]);
  });

  it("ends where the caller says that it ends, by a dialect or by a function", async () => {
    for (const ends of [{ dialect: "ai-sdk" }, { isTerminal: ({ data }: { data: string }) => data === "[DONE]" }]) {
      const { fetch, asked } = scriptedFetch(() => events("data: a\n\ndata: [DONE]\n\n"));
      const told = await until(new EventSource(url, { fetch, ...ends }), ["message", "error"]);
      expect(told.map(({ data, readyState }) => [data, readyState])).toEqual([
        ["a", undefined],
        ["[DONE]", undefined],
        [undefined, 2],
      ]);
      expect(asked).toHaveLength(1);
    }
  });

  it("keeps the last id for events that have none of their own", async () => {
    const { fetch } = scriptedFetch(
      () => events("id: 7\ndata: a\n\ndata: b\n\n"),
      () => new Response(null, { status: 204 }),
    );
    const told = await until(new EventSource(url, { fetch, random: lowest }), ["message", "error"]);
    expect(told.slice(0, 2).map(({ lastEventId }) => lastEventId)).toEqual(["7", "7"]);
  });

  it("waits 3 s at first as browsers do, then what the server asks for, and never gives up", async () => {
    const clock = createManualClock();
    const { fetch, asked } = scriptedFetch(
      () => refused(503, "run/draining", { "retry-after": "7" }),
      ...Array.from({ length: 50 }, () => () => refused(500, "PROCESSING_ERROR")),
      () => events("retry: 20\n\ndata: a\n\n"),
      () => new Response(null, { status: 204 }),
    );
    const source = new EventSource(url, { fetch, clock, random: highest });
    const told = until(source, ["error", "message"]);
    expect(source.reconnectionTime).toBe(3_000);
    await clock.advance(9_999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(asked).toHaveLength(2);
    await clock.advance(3_600_000);
    expect((await told).slice(0, 2)).toMatchObject([
      { readyState: 0, code: 503, message: expect.stringContaining("run/draining") },
      { readyState: 0, code: 500 },
    ]);
    expect(asked).toHaveLength(53);
    expect([source.reconnectionTime, clock.timers]).toEqual([20, 0]);
  });

  it("says why it is closed where the server refuses", async () => {
    const { fetch } = scriptedFetch(() => refused(401, "auth/required"));
    const [error] = await until(new EventSource(url, { fetch }), ["error"]);
    expect(error).toMatchObject({ readyState: 2, code: 401, message: expect.stringContaining("auth/required") });
  });

  it("says nothing more once it is closed, also of what it has received", async () => {
    const { fetch } = scriptedFetch(() => events("data: a\n\ndata: b\n\n"));
    const source = new EventSource(url, { fetch });
    const told: string[] = [];
    for (const type of ["message", "error"]) source.addEventListener(type, (event) => told.push(event.type));
    await new Promise<void>((resolve) => {
      source.onmessage = () => {
        source.close();
        resolve();
      };
    });
    for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(["message"]);
  });

  it("sends cookies where it is told so, and the headers and the id that it is given", async () => {
    const inits: RequestInit[] = [];
    const fetch: typeof globalThis.fetch = async (_, init = {}) => (inits.push(init), refused(404, "run/not-found"));
    const headers = { authorization: "Bearer k" };
    await until(new EventSource(url, { fetch, withCredentials: true, headers, lastEventId: "7" }), ["error"]);
    await until(new EventSource(url, { fetch }), ["error"]);
    expect(inits.map(({ credentials }) => credentials)).toEqual(["include", "same-origin"]);
    expect(inits.map((init) => [...new Headers(init.headers)])).toEqual([
      [
        ["accept", "text/event-stream"],
        ["authorization", "Bearer k"],
        ["last-event-id", "7"],
      ],
      [["accept", "text/event-stream"]],
    ]);
  });

  it("has handlers that are called in their turn, can be replaced and taken away", async () => {
    const { fetch } = scriptedFetch(
      () => events("data: a\n\n"),
      () => new Response(null, { status: 204 }),
    );
    const source = new EventSource(url, { fetch, random: lowest });
    const told: string[] = [];
    const handle = (): void => void told.push("handler");
    source.addEventListener("message", () => told.push("listener"));
    source.onmessage = () => told.push("replaced");
    source.addEventListener("message", () => told.push("later"));
    source.onmessage = handle;
    source.onopen = () => told.push("opened");
    expect(source.onmessage).toBe(handle);
    source.onerror = () => told.push("taken away");
    source.onerror = null;
    expect([source.onopen === null, source.onerror]).toEqual([false, null]);
    await until(source, ["error"]);
    expect(told).toEqual(["opened", "listener", "handler", "later"]);
  });

  it("can be used where the browser's is asked for", () => {
    expectTypeOf<EventSource>().toExtend<globalThis.EventSource>();
  });
});

describe("EventSource.fromReadableStream", () => {
  const streamOf = (...chunks: readonly string[]): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });

  it("tells the events of the bytes, and is closed with one error at their end", async () => {
    const stream = streamOf(
      "\uFEFFid: 7\nretry: 50",
      "00\nda",
      "ta: a\r",
      "\n\r\nevent: x\rdata: b\r\rdata: unfinished",
    );
    const source = EventSource.fromReadableStream(stream);
    expect(source).toBeInstanceOf(EventSource);
    expect([source.readyState, source.url, source.withCredentials]).toEqual([0, "about:event-stream", false]);
    expect([source.lastEventId, source.reconnectionTime]).toEqual(["", 3_000]);
    const told = await until(source, ["open", "message", "x", "done", "error"]);
    expect(told.map(({ type, data, lastEventId, origin }) => [type, data, lastEventId, origin])).toEqual([
      ["open", undefined, undefined, undefined],
      ["message", "a", "7", "null"],
      ["x", "b", "7", "null"],
      ["error", undefined, undefined, undefined],
    ]);
    expect([source.lastEventId, source.reconnectionTime]).toEqual(["7", 5_000]);
  });

  it("is closed with one error by a stream that breaks, and by one of nothing", async () => {
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error("broken")) });
    for (const stream of [broken, streamOf()]) {
      const told = await until(EventSource.fromReadableStream(stream), ["message", "error"]);
      expect(told).toMatchObject([{ type: "error", readyState: 2 }]);
    }
  });

  it("goes on over the bodies of several answers in one stream", async () => {
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const source = EventSource.fromReadableStream(readable);
    const told = until(source, ["message", "error"]);
    await streamOf("id: 7\ndata: a\n\n").pipeTo(writable, { preventClose: true });
    await streamOf("data: b\n\n").pipeTo(writable);
    expect((await told).map(({ data, lastEventId }) => [data, lastEventId])).toEqual([
      ["a", "7"],
      ["b", "7"],
      [undefined, undefined],
    ]);
  });

  it("lets go of the stream when it is closed, whether it was read or not", async () => {
    for (const early of [true, false]) {
      const cancelled = vi.fn<() => void>();
      const stream = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("data: a\n\n")),
        cancel: cancelled,
      });
      const source = EventSource.fromReadableStream(stream);
      if (early) source.close();
      source.onmessage = () => source.close();
      await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce());
    }
  });

  it("throws a TypeError for a stream that is read already", () => {
    const stream = streamOf("data: a\n\n");
    stream.getReader();
    expect(() => EventSource.fromReadableStream(stream)).toThrow(TypeError);
  });
});
