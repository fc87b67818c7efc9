import { describe, expect, it } from "vitest";
import { openEventStream, type StreamState, type WakeSource } from "../../src/client/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import {
  answer,
  collect,
  collectFailing,
  encodeFrames,
  events,
  highest,
  hurried,
  hurry,
  lowest,
  refused,
  scriptedFetch,
  unreachable,
  watchStates,
} from "./support.ts";

const url = "https://example.test/stream";
const frames = answer("one", "two", "three");
const whole = encodeFrames(frames);
const cutAfter = (count: number): string => encodeFrames(frames.slice(0, count));

describe("waiting", () => {
  it.each([408, 425, 429, 500, 502, 503, 504])("follows status %i, and the next attempt may do", async (status) => {
    const { fetch } = scriptedFetch(
      () => refused(status, "run/draining"),
      () => events(whole),
    );
    expect(await collect(openEventStream(url, { ...hurried(fetch) }))).toEqual(frames);
  });

  it.each([429, 503])("is as long as Retry-After of a %i says, whatever wakes it", async (status) => {
    const clock = createManualClock();
    const states = watchStates();
    let listening = 0;
    const wakes: WakeSource = {
      online: () => true,
      subscribe: () => {
        listening += 1;
        return () => (listening -= 1);
      },
    };
    const { fetch, asked } = scriptedFetch(
      () => refused(status, "run/draining", { "retry-after": "7" }),
      () => refused(status, "run/draining", { "retry-after": new Date(10_000).toUTCString() }),
      () => events(whole),
    );
    const received = collect(
      openEventStream(url, { fetch, clock, random: lowest, wake: wakes, onState: states.onState }),
    );
    expect(await states.next("waiting")).toMatchObject({ retryInMs: 7_000, error: { details: { status } } });
    expect(listening).toBe(0);
    await clock.advance(6_999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(states.seen.at(-1)).toMatchObject({ status: "waiting", retryInMs: 3_000 });
    await clock.advance(3_000);
    expect(await received).toEqual(frames);
  });

  it("doubles from half a second to half a minute, with full jitter", async () => {
    for (const [random, share] of [
      [highest, 1],
      [lowest, 0],
    ] as const) {
      const clock = createManualClock();
      const waits: number[] = [];
      const { fetch } = scriptedFetch(unreachable);
      const options = { fetch, clock, random, backoff: { maxAttempts: 9 }, onState: hurry(clock, waits) };
      await collectFailing(openEventStream(url, options));
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
    const options = { fetch, clock, random: highest, onState: hurry(clock, waits) };
    expect(await collect(openEventStream(url, options))).toEqual(frames);
    expect(waits).toEqual([2_000, 4_000, 2_000, 4_000]);
  });

  it("may be as long as the server's retry, also where that is more than the longest pause", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(() => events("retry: 32000\n\n"));
    const backoff = { maxAttempts: 4, baseMs: 10, maxMs: 20 };
    await collectFailing(
      openEventStream(url, { fetch, clock, random: highest, backoff, onState: hurry(clock, waits) }),
    );
    expect(waits).toEqual([32_000, 32_000, 32_000]);
  });

  it("begins and ends where the options say", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(unreachable);
    const backoff = { maxAttempts: 5, baseMs: 10, maxMs: 30 };
    await collectFailing(
      openEventStream(url, { fetch, clock, random: highest, backoff, onState: hurry(clock, waits) }),
    );
    expect(waits).toEqual([10, 20, 30, 30]);
  });

  it("grows also from a server's retry of 0", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(() => events("retry: 0\n\n"));
    await collectFailing(
      openEventStream(url, {
        fetch,
        clock,
        random: highest,
        backoff: { maxAttempts: 5 },
        onState: hurry(clock, waits),
      }),
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
    const received = collect(openEventStream(url, { fetch, clock, random: highest, wake, onState: states.onState }));
    await states.next("waiting");
    expect(subscribed).toBe(1);
    wakeUp();
    expect(await received).toEqual(frames);
    expect([clock.now(), clock.timers, subscribed]).toEqual([0, 0, 0]);
  });

  it("counts attempts anew after a wake", async () => {
    const clock = createManualClock();
    let wakes = 0;
    const wake: WakeSource = {
      online: () => true,
      subscribe(run) {
        if (reader.state.status === "waiting" && (wakes += 1) <= 10) run();
        return () => {};
      },
    };
    const { fetch, asked } = scriptedFetch(unreachable);
    const options = { fetch, clock, wake, random: lowest, backoff: { maxAttempts: 3 }, onState: hurry(clock) };
    const reader = openEventStream(url, options);
    await collectFailing(reader);
    expect([asked.length, clock.timers]).toEqual([13, 0]);
  });

  it("is left at once by the signal, with no timer behind", async () => {
    const clock = createManualClock();
    const states = watchStates();
    const leaving = new AbortController();
    const { fetch } = scriptedFetch(unreachable);
    const reader = openEventStream(url, { fetch, clock, onState: states.onState, signal: leaving.signal });
    const received = collect(reader);
    await states.next("waiting");
    leaving.abort();
    expect(await received).toEqual([]);
    expect([reader.state.status, clock.timers]).toEqual(["left", 0]);
  });

  it("does not begin for a signal that has fired already", async () => {
    const { fetch, asked } = scriptedFetch(() => events(whole));
    expect(await collect(openEventStream(url, { fetch, signal: AbortSignal.abort() }))).toEqual([]);
    expect(asked).toHaveLength(0);
  });
});

describe("giving up", () => {
  it("comes after maxAttempts in a row, with the last failure as its cause", async () => {
    const { fetch, asked } = scriptedFetch(unreachable);
    const { error } = await collectFailing(openEventStream(url, { ...hurried(fetch), backoff: { maxAttempts: 4 } }));
    expect(error).toMatchObject({
      code: "client/gave-up",
      details: { attempts: 4 },
      cause: { message: "fetch failed" },
    });
    expect(asked).toHaveLength(4);
  });

  it("does not come while the browser is offline", async () => {
    let online = false;
    const wake: WakeSource = { online: () => online, subscribe: () => () => {} };
    const { fetch, asked } = scriptedFetch(() => {
      online = asked.length === 40;
      return unreachable();
    });
    await collectFailing(openEventStream(url, { ...hurried(fetch), wake, backoff: { maxAttempts: 2 } }));
    expect(asked).toHaveLength(40);
  });

  it("comes when the next attempt would be later than giveUpMs after the last progress", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(() => events(cutAfter(1)), unreachable);
    const options = { fetch, clock, random: highest, backoff: { giveUpMs: 5_000 }, onState: hurry(clock, waits) };
    const { error } = await collectFailing(openEventStream(url, options));
    expect(error).toMatchObject({ code: "client/gave-up", details: { lastEventId: "11" } });
    expect(waits).toEqual([500, 1_000, 2_000]);
  });

  // The time in which nobody asked for an event counted as time without progress: a loop that took a minute for one
  // was thrown out of an answer at the first cut, without an attempt at reading on.
  it("does not come for a reader that was slow itself", async () => {
    const clock = createManualClock();
    const waits: number[] = [];
    const { fetch } = scriptedFetch(
      () => events(cutAfter(1)),
      () => events(whole),
    );
    const options = { fetch, clock, random: highest, backoff: { giveUpMs: 5_000 }, onState: hurry(clock, waits) };
    const received = [];
    for await (const event of openEventStream(url, options)) {
      received.push(event);
      await clock.advance(60_000);
    }
    expect(received).toEqual(frames);
    expect(waits).toEqual([500]);
  });

  it("is not for an event that is too long: that is an error at once", async () => {
    const { fetch, asked } = scriptedFetch(() => events(`data: ${"x".repeat(100)}\n\n`));
    const { error } = await collectFailing(openEventStream(url, { fetch, maxEventLength: 99 }));
    expect(error).toMatchObject({ code: "sse/event-too-large" });
    expect(asked).toHaveLength(1);
  });

  it("is not for an error of the caller's own callback: that comes out as it is", async () => {
    const mine = new Error("mine");
    const { fetch, asked } = scriptedFetch(() => events(whole));
    const onState = (state: StreamState): void => {
      if (state.status === "open") throw mine;
    };
    expect((await collectFailing(openEventStream(url, { fetch, onState }))).error).toBe(mine);
    expect(asked).toHaveLength(1);
  });
});

describe("silence", () => {
  /** A body that says something when told to. */
  function speaking(headers: Record<string, string>): { response: () => Response; say: (text: string) => void } {
    let say: (text: string) => void = () => {};
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
    const received = collect(openEventStream(url, { fetch, clock, random: lowest }));
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
      const { fetch, asked } = scriptedFetch(speaking(heartbeat as Record<string, string>).response, () =>
        events(whole),
      );
      const received = collect(openEventStream(url, { fetch, clock, random: lowest }));
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
    const received = collect(openEventStream(url, { fetch, clock, random: lowest, stallMs: 5_000 }));
    await clock.advance(5_000);
    expect(await received).toEqual(frames);
  });

  it("of a reader that is slow itself does not count", async () => {
    const clock = createManualClock();
    const { fetch, asked } = scriptedFetch(() => events(whole));
    const received = [];
    for await (const event of openEventStream(url, { fetch, clock })) {
      received.push(event);
      await clock.advance(3_600_000);
    }
    expect(received).toEqual(frames);
    expect(asked).toHaveLength(1);
  });

  it("that comes again and again is a reason to give up", async () => {
    const clock = createManualClock();
    const { fetch, asked } = scriptedFetch(speaking({}).response);
    const failing = collectFailing(openEventStream(url, { fetch, clock, random: lowest, backoff: { maxAttempts: 3 } }));
    await clock.advance(3 * 37_500);
    expect((await failing).error).toMatchObject({
      code: "client/gave-up",
      cause: { message: "Nothing came for 37500 ms." },
    });
    expect([asked.length, clock.timers]).toEqual([3, 0]);
  });

  it("after heartbeats is no reason to give up", async () => {
    const clock = createManualClock();
    const { response, say } = speaking({});
    const { fetch, asked } = scriptedFetch(response, response, response, () => events(whole));
    const received = collect(openEventStream(url, { fetch, clock, random: lowest, backoff: { maxAttempts: 2 } }));
    for (let connection = 0; connection < 3; connection += 1) {
      await clock.advance(30_000);
      say(": heartbeat\n\n");
      await clock.advance(37_500);
    }
    expect(await received).toEqual(frames);
    expect(asked).toHaveLength(4);
  });
});
