import type { Clock } from "../base/clock.ts";
import type { WakeSource } from "./wake.ts";

/** One event as dispatched. `event` is "message" when the server named none. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  readonly id?: string;
}

/**
 * The events of one answer, each once and in order, over as many connections as it takes. One pass: it starts with
 * the first `next()`, and a second loop goes on where the first one left.
 *
 * It ends by itself only after a terminal event, after a 204, or when its signal fires. Leaving (the signal, or
 * `break`) closes the connection and stops no run.
 *
 * @throws SluiceError `client/refused` when the server says no, with details `{status, code, message, traceId}`;
 * `client/gave-up` after `maxAttempts`, with the last failure as its cause; `sse/event-too-large`
 */
export interface EventStream extends AsyncIterable<StreamEvent> {
  readonly state: StreamState;
}

export type StreamState =
  | { readonly kind: "connecting"; readonly attempt: number }
  | {
      readonly kind: "open";
      /** What a reconnection asks for. With `lastEventId` it lets a later page continue (`openEventStream(url)`). */
      readonly url: string;
      readonly runId?: string;
      /** What this connection was asked to continue after. */
      readonly lastEventId?: string;
    }
  | { readonly kind: "waiting"; readonly retryInMs: number; readonly attempt: number; readonly reason: RetryReason }
  | { readonly kind: "closed"; readonly reason: ClosedReason };

/**
 * Why there is another attempt: no response; a 429 or 5xx; an open response that broke, or ended without a terminal
 * event; an open response that fell silent.
 */
export type RetryReason = "unreachable" | "unavailable" | "cut" | "stalled";

/** Terminal event; 204, the server has nothing more; signal or `break`; an error was thrown. */
export type ClosedReason = "done" | "gone" | "aborted" | "failed";

export interface OpenOptions {
  /**
   * Default GET. A POST is asked again only until a response to it has opened; from then on its run is read by GET at
   * the response's `Location`. It always carries an idempotency key, its own or one made here.
   */
  readonly method?: "GET" | "POST";
  readonly headers?: HeadersInit;
  readonly body?: string;
  readonly credentials?: RequestCredentials;
  /** Continue after this id. */
  readonly lastEventId?: string;
  /** Ends the iteration at once, without an error. */
  readonly signal?: AbortSignal;
  readonly onState?: (state: StreamState) => void;
  /** Which event is the last one. Default: the terminals of Sluice's dialects. */
  readonly isTerminal?: (event: StreamEvent) => boolean;
  readonly backoff?: BackoffOptions;
  /**
   * Failures in a row before it gives up; default 30. The count starts anew with an event that has an id, after a
   * connection that was alive for `backoff.maxMs`, and on a wake. While offline it never gives up.
   */
  readonly maxAttempts?: number;
  /** From the request to the head of its response. Default 30 s. */
  readonly connectTimeoutMs?: number;
  /** Characters of one event's data. Default 67,108,864: as much as a run may hold. */
  readonly maxEventLength?: number;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  /** From 0 to 1, as Math.random. */
  readonly random?: () => number;
  /** Default: the browser's `online`, `pageshow` and `visibilitychange`. */
  readonly wake?: WakeSource;
}

export interface BackoffOptions {
  /** Default 500. A `retry:` from the server replaces it. */
  readonly baseMs?: number;
  /** Default 30,000. */
  readonly maxMs?: number;
}
