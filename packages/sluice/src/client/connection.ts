import type { Clock } from "../base/clock.ts";
import { hasSlept, startTimer } from "./wait.ts";
import type { WakeSource } from "./wake.ts";

/** One request and its answer. Waiting for either is given up when it takes longer than the limit. */
export interface Connection {
  readonly signal: AbortSignal;
  /** The error that `watch` and `chunks` have thrown: of the network, or for silence. */
  readonly failure: Error | undefined;
  /** It failed after a sleep or a change of the network: the next attempt is worth more now than later. */
  readonly woken: boolean;
  setLimit(ms: number): void;
  watch<T>(work: Promise<T>): Promise<T>;
  /** The body's bytes. Time counts only while some are waited for: the reader may be as slow as it likes. */
  chunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array>;
  close(): void;
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly wake: WakeSource;
  readonly limitMs: number;
  /** Closes the connection at once when it fires, also while nobody reads. */
  readonly left: AbortSignal | undefined;
}

export function openConnection({ clock, wake, limitMs, left }: ConnectionOptions): Connection {
  const controller = new AbortController();
  const { signal } = controller;
  let failure: Error | undefined;
  let woken = false;
  let limit = limitMs;
  let waitingSince: number | undefined;
  let cancelTimer = (): void => {};

  function breakAfter(ms: number): void {
    cancelTimer();
    cancelTimer = startTimer(clock, ms, () => controller.abort(new Error(`Nothing came for ${limit} ms.`)));
  }

  // A connection may have died while the machine slept or the network changed, and nothing tells so. One that is
  // alive is heard of within a heartbeat, so after a wake only half of the limit's patience is left.
  const unsubscribe = wake.subscribe((reason) => {
    if (waitingSince === undefined) return;
    const patience = limit / 2 - (clock.now() - waitingSince);
    woken ||= reason === "online" || patience <= 0;
    if (woken) controller.abort(new Error("The network or the page is back; the connection may have died meanwhile."));
    else breakAfter(patience);
  });

  function close(): void {
    left?.removeEventListener("abort", close);
    unsubscribe();
    controller.abort();
  }
  left?.addEventListener("abort", close);
  if (left?.aborted === true) close();

  async function watch<T>(work: Promise<T>): Promise<T> {
    const since = (waitingSince = clock.now());
    woken = false;
    breakAfter(limit);
    try {
      const result = await work;
      signal.throwIfAborted();
      return result;
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw failure;
    } finally {
      // The network may tell what died in a sleep before any timer is late.
      woken ||= hasSlept(clock, since, limit);
      waitingSince = undefined;
      cancelTimer();
    }
  }

  async function* chunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
    if (body === null) return;
    const reader = body.getReader();
    // A `fetch` given as an option may return a body that does not know the signal.
    const cancel = (): void => void reader.cancel().catch(() => {});
    signal.addEventListener("abort", cancel);
    try {
      while (true) {
        const { done, value } = await watch(reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      cancel();
    }
  }

  return {
    signal,
    get failure() {
      return failure;
    },
    get woken() {
      return woken;
    },
    setLimit(ms) {
      limit = ms;
    },
    watch,
    chunks,
    close,
  };
}
