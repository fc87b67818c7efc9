import { describe, expect, it } from "vitest";
import { openEventStream, type EventStreamOptions, type StreamState, type WakeSource } from "../../src/client/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import {
  answer,
  collect,
  collectFailing,
  encodeFrames,
  events,
  highest,
  lowest,
  refused,
  scriptedFetch,
  watchStates,
} from "./support.ts";

const url = "https://example.test/stream";
const frames = answer("one", "two", "three");
const whole = encodeFrames(frames);
const cutAfter = (count: number): string => encodeFrames(frames.slice(0, count));
const located = { location: "/runs/run_1/events?dialect=simple", "sluice-run-id": "run_1" };

function unreachable(): never {
  throw new TypeError("fetch failed");
}

/** Lets every wait pass at once, and keeps how long each would have been. */
function hurry(clock: ManualClock, waits: number[] = []): (state: StreamState) => void {
  return (state) => {
    if (state.status !== "waiting") return;
    waits.push(state.retryInMs);
    void clock.advance(state.retryInMs);
  };
}

function hurried(fetch: EventStreamOptions["fetch"]): Omit<EventStreamOptions, "url"> & { fetch: typeof globalThis.fetch } {
  const clock = createManualClock();
  return { fetch: fetch ?? globalThis.fetch, clock, random: lowest, onState: hurry(clock) };
}

describe("what is asked", () => {
  it("is a GET without a body, and a POST with JSON and a key with one", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    await collect(openEventStream({ url, fetch, headers: { authorization: "Bearer k" } }));
    await collect(openEventStream({ url, fetch, body: { message: { content: "Hi" } } }));
    expect(asked[0]).toMatchObject({ method: "GET", url, body: undefined });
    expect(asked[0]?.headers.get("authorization")).toBe("Bearer k");
    expect(asked[0]?.headers.has("idempotency-key")).toBe(false);
    expect(asked[1]).toMatchObject({ method: "POST", body: '{"message":{"content":"Hi"}}' });
    expect(asked[1]?.headers.get("content-type")).toBe("application/json");
    expect(asked[1]?.headers.get("idempotency-key")).toMatch(/^key_[0-9a-f]{32}$/);
  });

  it("has the caller's key where there is one", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    await collect(openEventStream({ url, fetch, body: { requestId: "mine" } }));
    await collect(openEventStream({ url, fetch, body: {}, headers: { "Idempotency-Key": "mine" } }));
    expect(asked.map(({ headers }) => headers.get("idempotency-key"))).toEqual([null, "mine"]);
  });

  it("after a cut is the Location by GET, without the key, with the last id and the caller's headers", async () => {
    const { fetch, asked } = scriptedFetch(
      () => events(cutAfter(2), { headers: located }),
      () => events(whole),
    );
    const headers = { authorization: "Bearer k" };
    expect(await collect(openEventStream({ url, ...hurried(fetch), body: {}, headers }))).toEqual(frames);
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
    expect(await collect(openEventStream({ url, ...hurried(fetch), body: {} }))).toEqual(frames);
    const [first, second] = asked;
    expect(second).toMatchObject({ method: "POST", url });
    expect(second?.headers.get("idempotency-key")).toBe(first?.headers.get("idempotency-key"));
    expect(second?.headers.get("last-event-id")).toBe("12");
  });

  it("is not asked again of a server that gave neither a Location nor ids", async () => {
    const { fetch, asked } = scriptedFetch(() => events("data: half an ans\n\n"));
    const { events: received, error } = await collectFailing(openEventStream({ url, ...hurried(fetch), body: {} }));
    expect(received).toEqual([{ event: "message", data: "half an ans" }]);
    expect(error).toMatchObject({ code: "client/gave-up", cause: { message: "The response ended before the answer did." } });
    expect(asked).toHaveLength(1);
  });

  it("throws at once for a URL that belongs to no page", () => {
    expect(() => openEventStream({ url: "/stream" })).toThrow(expect.objectContaining({ code: "option/invalid" }));
  });
});

describe("what is received", () => {
  it("is told once, also when the server begins from the start again", async () => {
    const { fetch } = scriptedFetch(
      () => events(cutAfter(3)),
      () => events(cutAfter(1)),
      () => events(whole),
    );
    expect(await collect(openEventStream({ url, ...hurried(fetch) }))).toEqual(frames);
  });

  it("is told once when the ids name the run on one connection only", async () => {
    const named = frames.slice(0, 2).map((frame) => ({ ...frame, id: `run_1~${frame.id}` }));
    const { fetch, asked } = scriptedFetch(
      () => events(encodeFrames(named)),
      () => events(whole),
    );
    expect(await collect(openEventStream({ url, ...hurried(fetch) }))).toEqual([...named, ...frames.slice(2)]);
    expect(asked[1]?.headers.get("last-event-id")).toBe("run_1~12");
  });

  it("is all told when the ids are another server's", async () => {
    const { fetch } = scriptedFetch(() => events("id: b\ndata: 1\n\nid: a\ndata: 2\n\nid: a\ndata: [DONE]\n\n"));
    const received = await collect(openEventStream({ url, fetch, isTerminal: ({ data }) => data === "[DONE]" }));
    expect(received.map(({ data }) => data)).toEqual(["1", "2", "[DONE]"]);
  });

  it("begins after the id the caller has", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    expect(await collect(openEventStream({ url, fetch, lastEventId: "12" }))).toEqual(frames.slice(2));
    expect(asked[0]?.headers.get("last-event-id")).toBe("12");
  });

  it("ends with 204, and with a terminal event that was received before", async () => {
    const nothing = scriptedFetch(() => new Response(null, { status: 204 }));
    expect(await collect(openEventStream({ url, fetch: nothing.fetch }))).toEqual([]);
    const again = scriptedFetch(() => events(whole));
    expect(await collect(openEventStream({ url, fetch: again.fetch, lastEventId: frames.at(-1)?.id ?? "" }))).toEqual([]);
    expect(again.asked).toHaveLength(1);
  });

  it("is over after the dialect's terminal event, whose name the Location, the URL or the caller tells", async () => {
    const stream = 'id: 11\ndata: {"type":"finish"}\n\nid: 11.1\ndata: [DONE]\n\n';
    const dialect = "?dialect=ai-sdk";
    const { fetch, asked } = scriptedFetch(() => events(stream, { headers: { location: `/runs/1/events${dialect}` } }));
    await collect(openEventStream({ url, fetch, body: {} }));
    const plain = scriptedFetch(() => events(stream));
    await collect(openEventStream({ url: url + dialect, fetch: plain.fetch }));
    await collect(openEventStream({ url, fetch: plain.fetch, dialect: "ai-sdk" }));
    expect([asked.length, plain.asked.length]).toEqual([1, 2]);
  });

  it("ends soon after the terminal event also when the response stays open", async () => {
    const clock = createManualClock();
    const { fetch, asked } = scriptedFetch(() => events(whole, { stayOpen: true }));
    const received = collect(openEventStream({ url, fetch, clock }));
    await clock.advance(1_000);
    expect(await received).toEqual(frames);
    expect([asked.length, clock.timers]).toEqual([1, 0]);
  });
});

describe("a refusal", () => {
  it.each([400, 401, 403, 404, 409, 410, 422])("with status %i is an error with the server's words, and final", async (status) => {
    const { fetch, asked } = scriptedFetch(() => refused(status, "log/gap"));
    const reader = openEventStream({ url, fetch });
    const { error } = await collectFailing(reader);
    const details = { status, code: "log/gap", message: "Because of log/gap.", traceId: "trace_1" };
    expect(error).toMatchObject({ code: "client/refused", details });
    expect(asked).toHaveLength(1);
    expect(reader.state).toEqual({ status: "failed", error });
  });

  it("in the middle of an answer is never silent", async () => {
    const { fetch } = scriptedFetch(
      () => events(cutAfter(2)),
      () => refused(410, "log/gap"),
    );
    const { events: received, error } = await collectFailing(openEventStream({ url, ...hurried(fetch) }));
    expect(received).toEqual(frames.slice(0, 2));
    expect(error).toMatchObject({ code: "client/refused", details: { status: 410, code: "log/gap" } });
  });

  it("is what an answer is that is no event stream", async () => {
    const { fetch } = scriptedFetch(() => new Response("<html>", { headers: { "content-type": "text/html" } }));
    const { error } = await collectFailing(openEventStream({ url, fetch }));
    expect(error).toMatchObject({ code: "client/refused", details: { status: 200, contentType: "text/html" } });
  });

  it("without words still names the status", async () => {
    const { fetch } = scriptedFetch(() => new Response("nope", { status: 418 }));
    const { error } = await collectFailing(openEventStream({ url, fetch }));
    expect(error).toMatchObject({ message: "The server answered 418.", details: { status: 418 } });
  });
});

describe("waiting", () => {
  it.each([408, 425, 429, 500, 502, 503, 504])("follows status %i, and the next attempt may do", async (status) => {
    const { fetch } = scriptedFetch(
      () => refused(status, "run/draining"),
      () => events(whole),
    );
    expect(await collect(openEventStream({ url, ...hurried(fetch) }))).toEqual(frames);
  });

  it.each([429, 503])("is as long as Retry-After of a %i says, whatever wakes it", async (status) => {
    const clock = createManualClock();
    const states = watchStates();
    const wakes: WakeSource = { online: () => true, subscribe: () => expect.unreachable("It listened to wakes.") };
    const { fetch, asked } = scriptedFetch(
      () => refused(status, "run/draining", { "retry-after": "7" }),
      () => refused(status, "run/draining", { "retry-after": new Date(10_000).toUTCString() }),
      () => events(whole),
    );
    const received = collect(openEventStream({ url, fetch, clock, random: lowest, wake: wakes, onState: states.onState }));
    expect(await states.next("waiting")).toMatchObject({ retryInMs: 7_000, error: { details: { status } } });
    await clock.advance(6_999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(states.seen.at(-1)).toMatchObject({ status: "waiting", retryInMs: 3_000 });
    await clock.advance(3_000);
    expect(await received).toEqual(frames);
  });

  it("doubles from half a second to half a minute, with full jitter", async () => {
    for (const [random, share] of [[highest, 1], [lowest, 0]] as const) {
      const clock = createManualClock();
      const waits: number[] = [];
      const { fetch } = scriptedFetch(unreachable);
      const options = { url, fetch, clock, random, maxAttempts: 9, onState: hurry(clock, waits) };
      await collectFailing(openEventStream(options));
      expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].map((ms) => ms * share));
    }
  });

  it("begins from the server's retry, and anew after an event", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(
      () => events(`retry: 2000\n\n${cutAfter(1)}`),
      unreachable,
      () => events(cutAfter(2)),
      () => events(cutAfter(2)),
      () => events(whole),
    );
    const options = { url, fetch, clock, random: highest, onState: hurry(clock, waits) };
    expect(await collect(openEventStream(options))).toEqual(frames);
    expect(waits).toEqual([2_000, 4_000, 2_000, 4_000]);
  });

  it("grows also from a server's retry of 0", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(() => events("retry: 0\n\n"));
    await collectFailing(
      openEventStream({ url, fetch, clock, random: highest, maxAttempts: 5, onState: hurry(clock, waits) }),
    );
    expect(waits).toEqual([1, 2, 4, 8]);
  });

  it("ends early with a wake", async () => {
    const clock = createManualClock();
    const states = watchStates();
    let wakeUp = (): void => {};
    let subscribed = 0;
    const wake: WakeSource = {
      online: () => true,
      subscribe(run) {
        wakeUp = run;
        subscribed += 1;
        return () => (subscribed -= 1);
      },
    };
    const { fetch } = scriptedFetch(unreachable, () => events(whole));
    const received = collect(openEventStream({ url, fetch, clock, random: highest, wake, onState: states.onState }));
    await states.next("waiting");
    expect(subscribed).toBe(1);
    wakeUp();
    expect(await received).toEqual(frames);
    expect([clock.now(), clock.timers, subscribed]).toEqual([0, 0, 0]);
  });

  it("is left at once by the signal, with no timer behind", async () => {
    const clock = createManualClock();
    const states = watchStates();
    const leaving = new AbortController();
    const { fetch } = scriptedFetch(unreachable);
    const reader = openEventStream({ url, fetch, clock, onState: states.onState, signal: leaving.signal });
    const received = collect(reader);
    await states.next("waiting");
    leaving.abort();
    expect(await received).toEqual([]);
    expect([reader.state.status, clock.timers]).toEqual(["left", 0]);
  });

  it("does not begin for a signal that has fired already", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    expect(await collect(openEventStream({ url, fetch, signal: AbortSignal.abort() }))).toEqual([]);
    expect(asked).toHaveLength(0);
  });
});

describe("giving up", () => {
  it("comes after maxAttempts in a row, with the last failure as its cause", async () => {
    const { fetch, asked } = scriptedFetch(unreachable);
    const { error } = await collectFailing(openEventStream({ url, ...hurried(fetch), maxAttempts: 4 }));
    expect(error).toMatchObject({ code: "client/gave-up", details: { attempts: 4 }, cause: { message: "fetch failed" } });
    expect(asked).toHaveLength(4);
  });

  it("does not come while the browser is offline", async () => {
    let online = false;
    const wake: WakeSource = { online: () => online, subscribe: () => () => {} };
    const { fetch, asked } = scriptedFetch(() => {
      online = asked.length === 40;
      return unreachable();
    });
    await collectFailing(openEventStream({ url, ...hurried(fetch), wake, maxAttempts: 2 }));
    expect(asked).toHaveLength(40);
  });

  it("comes when the next attempt would be later than giveUpMs after the last progress", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(() => events(cutAfter(1)), unreachable);
    const options = { url, fetch, clock, random: highest, giveUpMs: 5_000, onState: hurry(clock, waits) };
    const { error } = await collectFailing(openEventStream(options));
    expect(error).toMatchObject({ code: "client/gave-up", details: { lastEventId: "11" } });
    expect(waits).toEqual([500, 1_000, 2_000]);
  });

  it("is not for an event that is too long: that is an error at once", async () => {
    const { fetch, asked } = scriptedFetch(() => events(`data: ${"x".repeat(100)}\n\n`));
    const { error } = await collectFailing(openEventStream({ url, fetch, maxEventLength: 99 }));
    expect(error).toMatchObject({ code: "sse/event-too-large" });
    expect(asked).toHaveLength(1);
  });

  it("is not for an error of the caller's own callback: that comes out as it is", async () => {
    const mine = new Error("mine");
    const { fetch, asked } = scriptedFetch(() => events(whole));
    const onState = (state: StreamState): void => {
      if (state.status === "open") throw mine;
    };
    expect((await collectFailing(openEventStream({ url, fetch, onState }))).error).toBe(mine);
    expect(asked).toHaveLength(1);
  });
});

describe("silence", () => {
  /** A body that says something when told to. */
  function speaking(headers: Record<string, string>): { response: () => Response; say: (text: string) => void } {
    let say = (_: string): void => {};
    const response = (): Response => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          say = (text) => controller.enqueue(new TextEncoder().encode(text));
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream", ...headers } });
    };
    return { response, say: (text) => say(text) };
  }

  it("of two and a half heartbeats is a broken connection, and a comment ends it", async () => {
    const clock = createManualClock();
    const { response, say } = speaking({ "sluice-heartbeat-ms": "1000" });
    const { fetch, asked } = scriptedFetch(response, () => events(whole));
    const received = collect(openEventStream({ url, fetch, clock, random: lowest }));
    await clock.advance(2_499);
    say(": heartbeat\n\n");
    await clock.advance(2_499);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(asked).toHaveLength(2);
    expect(await received).toEqual(frames);
    expect(clock.timers).toBe(0);
  });

  it("lasts 37.5 s where the server names no heartbeat, and no useful one", async () => {
    for (const heartbeat of [{}, { "sluice-heartbeat-ms": "0" }, { "sluice-heartbeat-ms": "soon" }]) {
      const clock = createManualClock();
      const { fetch, asked } = scriptedFetch(speaking(heartbeat as Record<string, string>).response, () => events(whole));
      const received = collect(openEventStream({ url, fetch, clock, random: lowest }));
      await clock.advance(37_499);
      expect(asked).toHaveLength(1);
      await clock.advance(1);
      expect(await received).toEqual(frames);
    }
  });

  it("before the head of the answer counts too", async () => {
    const clock = createManualClock();
    const { fetch } = scriptedFetch(
      (_, signal) => new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
      () => events(whole),
    );
    const received = collect(openEventStream({ url, fetch, clock, random: lowest, stallMs: 5_000 }));
    await clock.advance(5_000);
    expect(await received).toEqual(frames);
  });

  it("of a reader that is slow itself does not count", async () => {
    const clock = createManualClock();
    const { fetch, asked } = scriptedFetch(() => events(whole));
    const received = [];
    for await (const event of openEventStream({ url, fetch, clock })) {
      received.push(event);
      await clock.advance(3_600_000);
    }
    expect(received).toEqual(frames);
    expect(asked).toHaveLength(1);
  });

  it("broken by heartbeats alone is no reason to give up", async () => {
    const clock = createManualClock();
    const { response, say } = speaking({});
    const { fetch, asked } = scriptedFetch(response, response, response, () => events(whole));
    const received = collect(openEventStream({ url, fetch, clock, random: lowest, maxAttempts: 2 }));
    for (let connection = 0; connection < 3; connection += 1) {
      await clock.advance(20_000);
      say(": heartbeat\n\n");
      await clock.advance(37_500);
    }
    expect(await received).toEqual(frames);
    expect(asked).toHaveLength(4);
  });
});
