import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/id.ts";
import type { Soon } from "../client/chat/frames.ts";
import type { WakeSource } from "../client/index.ts";

export interface UseEventSourceOptions {
  /** Each event, whatever its name; `data` is text. */
  readonly onMessage?: (event: MessageEvent<string>) => void;
  /** Each event of that name, before `onMessage` has it. */
  readonly eventHandlers?: Readonly<Record<string, (event: MessageEvent<string>) => void>>;
  /** The connection was lost, or refused. An `error` that the server sends is an event: `onMessage` has it. */
  readonly onError?: (error: EventSourceError) => void;
  /** Each time a connection is there. */
  readonly onOpen?: () => void;
  /** No more comes by itself: the stream is complete, was given up or refused, or `close` was called. */
  readonly onClose?: () => void;
  /** Sends cookies to another origin too. */
  readonly withCredentials?: boolean;
  readonly headers?: HeadersInit;
  /**
   * Milliseconds. The first pause is any time up to this, each further one up to twice as long as the one before, none
   * longer than 30 s. The server's `retry:` replaces it. Default 5000.
   */
  readonly reconnectDelay?: number;
  /** In a row, without an event between them. Default 5. */
  readonly maxReconnectAttempts?: number;
  /** For tests. */
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly wake?: WakeSource;
  readonly nextFrame?: Soon;
}

/** An `error` event that says why. */
export interface EventSourceError extends Event {
  readonly error: Error;
  /** As of an `EventSource`: 0 while it comes back by itself, else 2. */
  readonly readyState: 0 | 2;
}

export interface EventSourceSnapshot<T> {
  /** Of the last event with content: parsed JSON, or the text where it is none. */
  readonly data: T | undefined;
  readonly lastEvent: MessageEvent<string> | undefined;
  /** Why there is no connection. */
  readonly error: Error | undefined;
  readonly isConnected: boolean;
  /** In a row, since the last event. */
  readonly reconnectAttempts: number;
}
