import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { openEventStream } from "../../src/client/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import {
  answer,
  collect,
  collectFailing,
  encodeFrames,
  events,
  hurried,
  lowest,
  refused,
  scriptedFetch,
} from "./support.ts";

const url = "https://example.test/stream";
const frames = answer("one", "two", "three");
const whole = encodeFrames(frames);
const cutAfter = (count: number): string => encodeFrames(frames.slice(0, count));
const located = { location: "/runs/run_1/events?dialect=simple", "sluice-run-id": "run_1" };

describe("what is asked", () => {
  it("is a GET without a body, and a POST with JSON and a key with one", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    await collect(openEventStream(url, { fetch, headers: { authorization: "Bearer k" } }));
    await collect(openEventStream(url, { fetch, body: { message: { content: "Hi" } } }));
    expect(asked[0]).toMatchObject({ method: "GET", url, body: undefined });
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer k");
    expect(asked[0]?.headers.has("idempotency-key")).toBe(false);
    expect(asked[1]).toMatchObject({ method: "POST", body: '{"message":{"content":"Hi"}}' });
    expect(asked[1]?.headers.get("content-type")).toBe("application/json");
    expect(asked[1]?.headers.get("idempotency-key")).toMatch(/^key_[0-9a-f]{32}$/);
  });

  it("is a POST without a body where it is told so, and a body that is text as it is", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    await collect(openEventStream(url, { fetch, method: "POST" }));
    await collect(openEventStream(url, { fetch, body: "plain", headers: { "content-type": "text/plain" } }));
    await collect(openEventStream(url, { fetch, body: '{"requestId":"mine"}' }));
    expect(asked.map(({ method, body }) => [method, body])).toEqual([
      ["POST", undefined],
      ["POST", "plain"],
      ["POST", '{"requestId":"mine"}'],
    ]);
    expect(asked.map(({ headers }) => headers.get("content-type"))).toEqual([null, "text/plain", "application/json"]);
    expect(asked.map(({ headers }) => headers.has("idempotency-key"))).toEqual([true, true, false]);
  });

  it("has the credentials that the caller wants", async () => {
    const inits: (RequestInit | undefined)[] = [];
    const fetch: typeof globalThis.fetch = async (_, init) => (inits.push(init), events(whole));
    await collect(openEventStream(url, { fetch }));
    await collect(openEventStream(url, { fetch, credentials: "include" }));
    expect(inits.map((init) => init?.credentials)).toEqual(["same-origin", "include"]);
  });

  it("cannot be a GET with a body", () => {
    const wrong = expect.objectContaining({ code: "option/invalid", details: { field: "body" } });
    expect(() => openEventStream(url, { method: "GET", body: {} })).toThrow(wrong);
  });

  it("has the caller's key where there is one", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    await collect(openEventStream(url, { fetch, body: { requestId: "mine" } }));
    await collect(openEventStream(url, { fetch, body: {}, headers: { "Idempotency-Key": "mine" } }));
    expect(asked.map(({ headers }) => headers.get("idempotency-key"))).toEqual([null, "mine"]);
  });

  it("after a cut is the Location by GET, without the key, with the last id and the caller's headers", async () => {
    const { fetch, asked } = scriptedFetch(
      () => events(cutAfter(2), { headers: located }),
      () => events(whole),
    );
    const headers = { authorization: "Bearer k" };
    expect(await collect(openEventStream(url, { ...hurried(fetch), body: {}, headers }))).toEqual(frames);
    expect(asked[1]).toMatchObject({ method: "GET", url: "https://example.test/runs/run_1/events?dialect=simple" });
    expect(Object.fromEntries(asked[1]?.headers ?? [])).toEqual({
      accept: "text/event-stream",
      authorization: "Bearer k",
      "last-event-id": "12",
    });
  });

  it("never goes to another origin: a POST is repeated with its key and the last id", async () => {
    const { fetch, asked } = scriptedFetch(
      () => events(cutAfter(2), { headers: { location: "https://evil.test/runs/1/events" } }),
      () => events(whole),
    );
    expect(await collect(openEventStream(url, { ...hurried(fetch), body: {} }))).toEqual(frames);
    const [first, second] = asked;
    expect(second).toMatchObject({ method: "POST", url });
    expect(second?.headers.get("idempotency-key")).toBe(first?.headers.get("idempotency-key"));
    expect(second?.headers.get("last-event-id")).toBe("12");
  });

  it("is not asked again of a server that gave neither a Location nor ids", async () => {
    const { fetch, asked } = scriptedFetch(() => events("data: half an ans\n\n"));
    const { events: received, error } = await collectFailing(openEventStream(url, { ...hurried(fetch), body: {} }));
    expect(received).toEqual([{ event: "message", data: "half an ans" }]);
    expect(error).toMatchObject({
      code: "client/gave-up",
      cause: { message: "The response ended before the answer did." },
    });
    expect(asked).toHaveLength(1);
  });

  it("throws at once for a URL that belongs to no page", () => {
    expect(() => openEventStream("/stream")).toThrow(expect.objectContaining({ code: "option/invalid" }));
  });
});

describe("what is received", () => {
  it("is told once, also when the server begins from the start again", async () => {
    const { fetch } = scriptedFetch(
      () => events(cutAfter(3)),
      () => events(cutAfter(1)),
      () => events(whole),
    );
    expect(await collect(openEventStream(url, { ...hurried(fetch) }))).toEqual(frames);
  });

  it("is told once when the ids name the run on one connection only", async () => {
    const named = frames.slice(0, 2).map((frame) => ({ ...frame, id: `run_1~${frame.id}` }));
    const { fetch, asked } = scriptedFetch(
      () => events(encodeFrames(named)),
      () => events(whole),
    );
    expect(await collect(openEventStream(url, { ...hurried(fetch) }))).toEqual([...named, ...frames.slice(2)]);
    expect(asked[1]?.headers.get("last-event-id")).toBe("run_1~12");
  });

  it("is all told when the ids are another server's", async () => {
    const { fetch } = scriptedFetch(() => events("id: b\ndata: 1\n\nid: a\ndata: 2\n\nid: a\ndata: [DONE]\n\n"));
    const received = await collect(openEventStream(url, { fetch, isTerminal: ({ data }) => data === "[DONE]" }));
    expect(received.map(({ data }) => data)).toEqual(["1", "2", "[DONE]"]);
  });

  it("is all told of a server that may be any, whatever its ids and names look like", async () => {
    const clock = createManualClock();
    const stream = "id: 15\ndata: 1\n\nid: 12\nevent: done\ndata: 2\n\nid: 12\nevent: error\ndata: 3\n\n";
    const { fetch, asked } = scriptedFetch(
      () => events(stream),
      () => events(stream, { stayOpen: true }),
    );
    const leaving = new AbortController();
    const options = { fetch, clock, random: lowest, server: "any", signal: leaving.signal } as const;
    const received = collect(openEventStream(url, options));
    await clock.advance(0);
    await clock.advance(24 * 3_600_000);
    expect(asked.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, "12"]);
    leaving.abort();
    expect((await received).map(({ data }) => data)).toEqual(["1", "2", "3", "1", "2", "3"]);
  });

  it("is a run's where such a server names one", async () => {
    const { fetch } = scriptedFetch(
      () => events(cutAfter(2), { headers: located }),
      () => events(whole, { headers: located }),
    );
    expect(await collect(openEventStream(url, { ...hurried(fetch), server: "any" }))).toEqual(frames);
  });

  it("begins after the id the caller has", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    expect(await collect(openEventStream(url, { fetch, lastEventId: "12" }))).toEqual(frames.slice(2));
    expect(asked[0]?.headers.get("last-event-id")).toBe("12");
  });

  it("ends with 204, and with a terminal event that was received before", async () => {
    const nothing = scriptedFetch(() => new Response(null, { status: 204 }));
    expect(await collect(openEventStream(url, { fetch: nothing.fetch }))).toEqual([]);
    const again = scriptedFetch(() => events(whole));
    expect(await collect(openEventStream(url, { fetch: again.fetch, lastEventId: frames.at(-1)?.id ?? "" }))).toEqual(
      [],
    );
    expect(again.asked).toHaveLength(1);
  });

  it("is over after the dialect's terminal event, whose name the Location, the URL or the caller tells", async () => {
    const stream = 'id: 11\ndata: {"type":"finish"}\n\nid: 11.1\ndata: [DONE]\n\n';
    const dialect = "?dialect=ai-sdk";
    const { fetch, asked } = scriptedFetch(() => events(stream, { headers: { location: `/runs/1/events${dialect}` } }));
    await collect(openEventStream(url, { fetch, body: {} }));
    const plain = scriptedFetch(() => events(stream));
    await collect(openEventStream(url + dialect, { fetch: plain.fetch }));
    await collect(openEventStream(url, { fetch: plain.fetch, dialect: "ai-sdk" }));
    expect([asked.length, plain.asked.length]).toEqual([1, 2]);
  });

  it("leaves nothing behind at the signal and at the server, whose refused bodies are let go of", async () => {
    const { signal } = new AbortController();
    const connections: (AbortSignal | undefined)[] = [];
    const { fetch } = scriptedFetch(
      (_, connection) => (connections.push(connection), new Response("not read", { status: 503 })),
      (_, connection) => (connections.push(connection), events(whole)),
    );
    await collect(openEventStream(url, { ...hurried(fetch), signal }));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(connections.map((connection) => connection?.aborted)).toEqual([true, true]);
  });

  it("ends soon after the terminal event also when the response stays open", async () => {
    const clock = createManualClock();
    const { fetch, asked } = scriptedFetch(() => events(whole, { stayOpen: true }));
    const received = collect(openEventStream(url, { fetch, clock }));
    await clock.advance(1_000);
    expect(await received).toEqual(frames);
    expect([asked.length, clock.timers]).toEqual([1, 0]);
  });
});

describe("a refusal", () => {
  it.each([400, 401, 403, 404, 409, 410, 422])(
    "with status %i is an error with the server's words, and final",
    async (status) => {
      const { fetch, asked } = scriptedFetch(() => refused(status, "log/gap"));
      const reader = openEventStream(url, { fetch });
      const { error } = await collectFailing(reader);
      const details = { status, code: "log/gap", message: "Because of log/gap.", traceId: "trace_1" };
      expect(error).toMatchObject({ code: "client/refused", details });
      expect(asked).toHaveLength(1);
      expect(reader.state).toEqual({ status: "failed", error });
    },
  );

  it("in the middle of an answer is never silent", async () => {
    const { fetch } = scriptedFetch(
      () => events(cutAfter(2)),
      () => refused(410, "log/gap"),
    );
    const { events: received, error } = await collectFailing(openEventStream(url, { ...hurried(fetch) }));
    expect(received).toEqual(frames.slice(0, 2));
    expect(error).toMatchObject({ code: "client/refused", details: { status: 410, code: "log/gap" } });
  });

  it("is what an answer is that is no event stream", async () => {
    const { fetch } = scriptedFetch(() => new Response("<html>", { headers: { "content-type": "text/html" } }));
    const { error } = await collectFailing(openEventStream(url, { fetch }));
    expect(error).toMatchObject({ code: "client/refused", details: { status: 200, contentType: "text/html" } });
  });

  it("is one also when the connection breaks in the middle of its words", async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new TypeError("terminated")) });
    const { fetch, asked } = scriptedFetch(() => new Response(body, { status: 404 }));
    const { error } = await collectFailing(openEventStream(url, { fetch }));
    expect(error).toMatchObject({ code: "client/refused", details: { status: 404 } });
    expect(asked).toHaveLength(1);
  });

  it("without words still names the status", async () => {
    const { fetch } = scriptedFetch(() => new Response("nope", { status: 418 }));
    const { error } = await collectFailing(openEventStream(url, { fetch }));
    expect(error).toMatchObject({ message: "The server answered 418.", details: { status: 418 } });
  });
});
