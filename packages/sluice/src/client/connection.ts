import type { Clock } from "../base/clock.ts";
import { startTimer } from "./wait.ts";

/** One request and its answer. Waiting for either is given up when it takes longer than the limit. */
export interface Connection {
  readonly signal: AbortSignal;
  /** The error that `watch` and `chunks` have thrown: of the network, or for silence. */
  readonly failure: Error | undefined;
  setLimit(ms: number): void;
  watch<T>(work: Promise<T>): Promise<T>;
  /** The body's bytes. Time counts only while some are waited for: the reader may be as slow as it likes. */
  chunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array>;
  close(): void;
}

/** @param left closes the connection at once when it fires, also while nobody reads */
export function openConnection(clock: Clock, limitMs: number, left: AbortSignal | undefined): Connection {
  const controller = new AbortController();
  const { signal } = controller;
  let failure: Error | undefined;
  let limit = limitMs;

  function close(): void {
    left?.removeEventListener("abort", close);
    controller.abort();
  }
  left?.addEventListener("abort", close);
  if (left?.aborted === true) close();

  async function watch<T>(work: Promise<T>): Promise<T> {
    const cancelTimer = startTimer(clock, limit, () => controller.abort(new Error(`Nothing came for ${limit} ms.`)));
    try {
      const result = await work;
      signal.throwIfAborted();
      return result;
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw failure;
    } finally {
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
    setLimit(ms) {
      limit = ms;
    },
    watch,
    chunks,
    close,
  };
}
