import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/id.ts";
import type { ParsedEvent } from "../sse/index.ts";
import type { WakeSource } from "./wake.ts";

/** One event as dispatched. `event` is "message" when the server named none. */
export type StreamEvent = ParsedEvent;

/**
 * The events of one answer, each once and in order, over as many connections as it takes. One pass, which begins
 * with the first `next()`.
 *
 * It ends by itself only after a terminal event, after a 204, or when its signal fires. Leaving (the signal, or
 * `break`) closes the connection and stops no run.
 *
 * @throws SluiceError `client/refused` when the server says no, with details `{status, code, message, traceId}`;
 * `client/gave-up`, with the last failure as its cause; `sse/event-too-large`
 */
export interface EventStreamReader extends AsyncIterable<StreamEvent> {
  readonly state: StreamState;
  /** What a later page needs to go on: `openEventStream(url, { lastEventId })`. Undefined until a POST is answered. */
  readonly url: string | undefined;
  /** The id of the last event handed out, or where reading was asked to begin. */
  readonly lastEventId: string | undefined;
  readonly runId: string | undefined;
}

export type StreamState =
  | { readonly status: "connecting"; readonly attempt: number }
  | { readonly status: "open"; readonly url: string | undefined; readonly runId: string | undefined }
  | { readonly status: "waiting"; readonly attempt: number; readonly retryInMs: number; readonly error: Error }
  /** The answer is complete: a terminal event, or 204. */
  | { readonly status: "done" }
  /** The signal fired, or the loop was left. */
  | { readonly status: "left" }
  | { readonly status: "failed"; readonly error: unknown };

export interface EventStreamOptions {
  /**
   * Default `POST` with a body, else `GET`. A POST is repeated only until it is answered; from then on the run is read
   * by GET at the answer's `Location`. It always carries a key: `requestId` in the body, the header, or one made here.
   */
  readonly method?: "GET" | "POST";
  /** A string is sent as it is, all else as JSON. Its type is `application/json` unless `headers` name another. */
  readonly body?: unknown;
  readonly headers?: HeadersInit;
  /** Default `same-origin`. */
  readonly credentials?: RequestCredentials;
  /** Continue after this id. */
  readonly lastEventId?: string;
  /** Ends the iteration at once, without an error. */
  readonly signal?: AbortSignal;
  readonly onState?: (state: StreamState) => void;
  /**
   * Who answers. `any`: nothing of section 11 of PROTOCOL.md is expected of a server that does not name a run
   * (`Sluice-Run-Id`). Its ids have no order, no event of it is a terminal without `dialect` or `isTerminal`, and it may
   * be silent for ever without `stallMs`. Default `sluice`.
   */
  readonly server?: "sluice" | "any";
  /** Whose terminal events count. Default: `?dialect=` of the answer's `Location`, or of the URL; else `simple`. */
  readonly dialect?: string;
  /** For the events of another server, in place of `dialect`. */
  readonly isTerminal?: (event: StreamEvent) => boolean;
  /** Pauses between attempts, and when to give up. */
  readonly backoff?: BackoffOptions;
  /** Silence that means a broken connection. Default 2.5 times the server's heartbeat, or 37.5 s where it names none. */
  readonly stallMs?: number;
  /** Characters of one event's data. Default 67,108,864: as much as a run may hold. */
  readonly maxEventLength?: number;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Ends a backoff early, and a connection that may have died. Default: the browser's `online`, `pageshow` and `visibilitychange`. */
  readonly wake?: WakeSource;
}

/**
 * The n-th pause in a row is any time between nothing and `baseMs * 2 ** (n - 1)`, so that the readers of a server that
 * fell come back spread out. A `Retry-After` is waited for on top of it.
 */
export interface BackoffOptions {
  /** Default 500. The server's `retry:` replaces it. */
  readonly baseMs?: number;
  /** No pause is longer, unless the server's `retry:` is. Default 30,000. */
  readonly maxMs?: number;
  /**
   * Attempts in a row before it gives up; default 30. They are counted anew after an event, after a heartbeat on a
   * connection that is 30 s old, and after a wake. While the browser is offline it does not give up.
   */
  readonly maxAttempts?: number;
  /** Gives up when the next attempt would come later than this after the last progress. Default: never. */
  readonly giveUpMs?: number;
}
