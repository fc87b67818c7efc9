import { afterEach, describe, expect, it, vi } from "vitest";
import { openEventStream, type WakeSource } from "../../src/client/index.ts";
import { waitingClock } from "../../src/client/wait.ts";
import { browserWake } from "../../src/client/wake.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { answer, collect, encodeFrames, events, highest, scriptedFetch, unreachable, watchStates } from "./support.ts";

const url = "https://example.test/runs/run_1/events";
const frames = answer("one", "two", "three");
const whole = encodeFrames(frames);
const first = encodeFrames(frames.slice(0, 1));
const silent = (): Response => events(first, { stayOpen: true });

interface Bell extends WakeSource {
  ring(reason?: "online"): void;
  readonly listeners: number;
}

function createBell(): Bell {
  const listeners = new Set<(reason?: "online") => void>();
  return {
    online: () => true,
    subscribe(wake) {
      listeners.add(wake);
      return () => void listeners.delete(wake);
    },
    ring(reason) {
      const subscribed = Array.from(listeners);
      for (const wake of subscribed) wake(reason);
    },
    get listeners() {
      return listeners.size;
    },
  };
}

describe("a wake while a connection is open", () => {
  it("replaces one that was silent for half of the stall time, at once and from where it was", async () => {
    const clock = createManualClock();
    const wake = createBell();
    const { fetch, asked } = scriptedFetch(silent, () => events(whole));
    const received = collect(openEventStream(url, { fetch, clock, wake, random: highest }));
    await clock.advance(18_750);
    wake.ring();
    await clock.advance(0);
    expect(await received).toEqual(frames);
    expect(asked[1]?.headers.get("last-event-id")).toBe("11");
    expect([clock.now(), clock.timers, wake.listeners]).toEqual([18_750, 0, 0]);
  });

  it("keeps one that was heard of lately, and waits half as long for the next sign of it", async () => {
    const clock = createManualClock();
    const wake = createBell();
    const { fetch, asked } = scriptedFetch(silent, () => events(whole));
    const states = watchStates();
    const waiting = states.next("waiting");
    const received = collect(openEventStream(url, { fetch, clock, wake, random: highest, onState: states.onState }));
    await clock.advance(5_000);
    wake.ring();
    await clock.advance(13_749);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(await waiting).toMatchObject({ error: { message: "Nothing came for 37500 ms." } });
    await clock.advance(500);
    expect(await received).toEqual(frames);
  });

  it("is a new network where it says online: the connection was of the old one", async () => {
    const clock = createManualClock();
    const wake = createBell();
    const { fetch, asked } = scriptedFetch(silent, () => events(whole));
    const received = collect(openEventStream(url, { fetch, clock, wake, random: highest }));
    await clock.advance(1);
    wake.ring("online");
    await clock.advance(0);
    expect(await received).toEqual(frames);
    expect([clock.now(), asked.length]).toEqual([1, 2]);
  });

  // A source that tells of the page right after the network took the network's word back: the reader waited out a
  // backoff, half a minute after many failures, with a network that was there.
  it("stays so when the page is shown in the same moment", async () => {
    const clock = createManualClock();
    const wake = createBell();
    const { fetch, asked } = scriptedFetch(silent, () => events(whole));
    const received = collect(openEventStream(url, { fetch, clock, wake, random: highest }));
    await clock.advance(1);
    wake.ring("online");
    wake.ring();
    await clock.advance(0);
    expect([clock.now(), asked.length]).toEqual([1, 2]);
    expect(await received).toEqual(frames);
  });

  it("repeats a question that is not answered yet, with the same key", async () => {
    const clock = createManualClock();
    const wake = createBell();
    const { fetch, asked } = scriptedFetch(
      (_, signal) => new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
      () => events(whole),
    );
    const received = collect(openEventStream(url, { fetch, clock, wake, body: {} }));
    await clock.advance(20_000);
    wake.ring();
    await clock.advance(0);
    expect(await received).toEqual(frames);
    const [one, other] = asked.map(({ headers }) => headers.get("idempotency-key"));
    expect(one).toBe(other);
  });
});

describe("a machine that slept", () => {
  /** Its timers stand still in sleep, and its time of day does not. */
  function sleepingClock(): ReturnType<typeof createManualClock> & { sleep(ms: number): void } {
    const clock = createManualClock();
    let slept = 0;
    return {
      ...clock,
      now: () => clock.now() + slept,
      get timers() {
        return clock.timers;
      },
      sleep: (ms) => void (slept += ms),
    };
  }
  const HOUR = 3_600_000;

  it("reads on at once when its watchdog fires, and has not waited in vain meanwhile", async () => {
    const clock = sleepingClock();
    const { fetch, asked } = scriptedFetch(silent, () => events(whole));
    const backoff = { giveUpMs: 5_000, maxAttempts: 1 };
    const received = collect(openEventStream(url, { fetch, clock, backoff, random: highest }));
    await clock.advance(30_000);
    clock.sleep(HOUR);
    await clock.advance(7_500);
    expect(await received).toEqual(frames);
    expect([clock.now(), asked.length]).toEqual([HOUR + 37_500, 2]);
  });

  // A network that is gone in sleep is told before any timer is late: who woke the machine an hour later was shown an
  // answer that was given up, without an attempt at reading on.
  it.each([
    ["breaks", (body: ReadableStreamDefaultController) => body.error(new TypeError("network error"))],
    ["ends, as proxies end it,", (body: ReadableStreamDefaultController) => body.close()],
  ])("reads on at once when its connection %s before a timer fires", async (_, end) => {
    const clock = sleepingClock();
    let open: ReadableStreamDefaultController | undefined;
    const { fetch, asked } = scriptedFetch(
      () => {
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            open = controller;
            controller.enqueue(new TextEncoder().encode(first));
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
      () => events(whole),
    );
    const backoff = { giveUpMs: 120_000, maxAttempts: 1 };
    const received = collect(openEventStream(url, { fetch, clock, backoff, random: highest }));
    await clock.advance(10_000);
    clock.sleep(HOUR);
    if (open) end(open);
    await clock.advance(0);
    expect(await received).toEqual(frames);
    expect([clock.now(), asked.length, clock.timers]).toEqual([HOUR + 10_000, 2, 0]);
  });

  it("reads on at once when it is woken by its page", async () => {
    const clock = sleepingClock();
    const wake = createBell();
    const { fetch } = scriptedFetch(silent, () => events(whole));
    const received = collect(
      openEventStream(url, { fetch, clock, wake, backoff: { giveUpMs: 5_000 }, random: highest }),
    );
    await clock.advance(1);
    clock.sleep(HOUR);
    wake.ring();
    await clock.advance(0);
    expect(await received).toEqual(frames);
    expect(clock.now()).toBe(HOUR + 1);
  });

  it("has not spent its patience when it slept in a backoff", async () => {
    const clock = sleepingClock();
    const { fetch, asked } = scriptedFetch(unreachable, unreachable, () => events(whole));
    const states = watchStates();
    const options = { fetch, clock, backoff: { giveUpMs: 5_000 }, random: highest, onState: states.onState };
    const received = collect(openEventStream(url, options));
    await states.next("waiting");
    clock.sleep(HOUR);
    await clock.advance(500);
    await clock.advance(500);
    expect(await received).toEqual(frames);
    expect(asked).toHaveLength(3);
  });
});

describe("the client's own clock", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("notices within 5 s that a timer stood still while the machine slept", () => {
    vi.useFakeTimers();
    const run = vi.fn<() => void>();
    waitingClock.timer(37_500, run);
    vi.advanceTimersByTime(12_000);
    vi.setSystemTime(Date.now() + 60_000);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(3_000);
    expect(run).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not held up by a time of day that is set back, and can be cancelled at any time", () => {
    vi.useFakeTimers();
    const run = vi.fn<() => void>();
    waitingClock.timer(12_000, run);
    const cancel = waitingClock.timer(12_000, () => expect.unreachable("It was cancelled."));
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(11_999);
    cancel();
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the browser's wakes", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("are online, pageshow, and a page that becomes visible; nothing is left behind", () => {
    const window = new EventTarget();
    const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
    vi.stubGlobal("document", page);
    const wakes: (string | undefined)[] = [];
    const tellAll = (): void => {
      window.dispatchEvent(new Event("online"));
      window.dispatchEvent(new Event("pageshow"));
      page.dispatchEvent(new Event("visibilitychange"));
    };
    const unsubscribe = browserWake.subscribe((reason) => wakes.push(reason));
    tellAll();
    expect(wakes).toEqual(["online"]);
    page.visibilityState = "visible";
    tellAll();
    expect(wakes).toEqual(["online", "online", undefined, undefined]);
    unsubscribe();
    tellAll();
    expect(wakes).toHaveLength(4);
  });

  it("take the network for there unless the browser is sure, also where there is no browser", () => {
    for (const [navigator, online] of [
      [undefined, true],
      [{}, true],
      [{ onLine: true }, true],
      [{ onLine: false }, false],
    ] as const) {
      vi.stubGlobal("navigator", navigator);
      expect(browserWake.online()).toBe(online);
    }
    browserWake.subscribe(() => expect.unreachable("There is nothing to be woken by."))();
  });
});
