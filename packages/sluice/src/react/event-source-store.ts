import { isSluiceError } from "../base/errors.ts";
import { nextFrame } from "../client/chat/frames.ts";
import { openEventStream, type StreamEvent, type StreamState } from "../client/index.ts";
import type { EventSourceError, EventSourceSnapshot, UseEventSourceOptions } from "./event-source.ts";
import { createFrameQueue } from "./frame-queue.ts";

export interface EventSourceStore<T> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => EventSourceSnapshot<T>;
  readonly close: () => void;
  readonly reconnect: () => void;
}

/** They say how the stream does, not what is in it: `data` stays what it was. */
const SIGNALS: readonly string[] = ["done", "error", "typing", "heartbeat", "ping"];
const LONGEST_PAUSE_MS = 30_000;

export const NOT_CONNECTED: EventSourceSnapshot<never> = {
  data: undefined,
  lastEvent: undefined,
  error: undefined,
  isConnected: false,
  reconnectAttempts: 0,
};

/**
 * One event stream, open while somebody subscribes; who leaves and comes back goes on after the last event. Handlers
 * run, and then the snapshot changes, once a frame: what they set is one commit with it.
 * @param options are read anew for each event and each stream that is opened
 */
export function createEventSourceStore<T>(url: string, options: () => UseEventSourceOptions): EventSourceStore<T> {
  const listeners = new Set<() => void>();
  const queue = createFrameQueue((run) => (options().nextFrame ?? nextFrame)(run), publish);
  let snapshot: EventSourceSnapshot<T> = NOT_CONNECTED;
  let next = snapshot;
  let reading: AbortController | undefined;
  /** Only `reconnect` opens it again. */
  let over = false;
  /** Of the last event that the handlers have had: what was only received comes again. */
  let lastEventId: string | undefined;

  return {
    subscribe(listener) {
      listeners.add(listener);
      publish(); // that it was left, to who comes back
      if (!over) open();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) leave();
      };
    },
    getSnapshot: () => snapshot,
    close() {
      if (over) return;
      leave();
      end();
      publish();
      options().onClose?.();
    },
    reconnect() {
      leave();
      over = false;
      next = { ...next, error: undefined, reconnectAttempts: 0 };
      publish();
      if (listeners.size > 0) open();
    },
  };

  function open(): void {
    if (reading !== undefined) return;
    const { signal } = (reading = new AbortController());
    // Not at once: in StrictMode a first subscription is taken back before the second is made.
    queueMicrotask(() => {
      if (!signal.aborted) void read(signal);
    });
  }

  function leave(): void {
    reading?.abort();
    reading = undefined;
    next = { ...next, isConnected: false };
  }

  async function read(signal: AbortSignal): Promise<void> {
    const { reconnectDelay = 5_000, maxReconnectAttempts = 5, withCredentials = false, headers, ...rest } = options();
    const { fetch, clock, random, wake } = rest;
    const inTime = (step: () => void): Promise<void> => queue.push(() => signal.aborted || step());
    try {
      const events = openEventStream(url, {
        signal,
        // Anybody's: it may be silent for long, and its ids are names. Only `done` and `error` mean the same to all.
        server: "any",
        dialect: new URL(url, "http://page").searchParams.get("dialect") ?? "simple",
        credentials: withCredentials ? "include" : "same-origin",
        onState: (state) => void inTime(() => changed(state)),
        backoff: {
          baseMs: reconnectDelay,
          maxMs: Math.max(reconnectDelay, LONGEST_PAUSE_MS),
          maxAttempts: maxReconnectAttempts + 1,
        },
        ...(headers === undefined ? {} : { headers }),
        ...(lastEventId === undefined ? {} : { lastEventId }),
        ...(fetch === undefined ? {} : { fetch }),
        ...(clock === undefined ? {} : { clock }),
        ...(random === undefined ? {} : { random }),
        ...(wake === undefined ? {} : { wake }),
      });
      for await (const event of events) await inTime(() => received(event));
    } catch (error) {
      void inTime(() => failed(error instanceof Error ? error : new Error(String(error))));
    }
  }

  function changed(state: StreamState): void {
    if (state.status === "open") {
      next = { ...next, isConnected: true, error: undefined };
      options().onOpen?.();
    } else if (state.status === "waiting") {
      next = { ...next, isConnected: false, error: state.error, reconnectAttempts: state.attempt };
      options().onError?.(errorEvent(state.error, 0));
    } else if (state.status === "done") {
      end();
      lastEventId = undefined; // whoever opens it again wants it from its beginning
      options().onClose?.();
    }
  }

  function received({ event: type, data, id }: StreamEvent): void {
    lastEventId = id ?? lastEventId;
    const event = new MessageEvent(type, { data, lastEventId: lastEventId ?? "" });
    next = { ...next, lastEvent: event, reconnectAttempts: 0 };
    if (!SIGNALS.includes(type)) next = { ...next, data: parse(data) };
    const { eventHandlers = {}, onMessage } = options();
    if (Object.hasOwn(eventHandlers, type)) eventHandlers[type]?.(event);
    onMessage?.(event);
  }

  function failed(error: Error): void {
    end();
    if (isOutOfReach(error)) lastEventId = undefined;
    next = { ...next, error };
    const { onError, onClose } = options();
    onError?.(errorEvent(error, 2));
    onClose?.();
  }

  function end(): void {
    over = true;
    reading = undefined;
    next = { ...next, isConnected: false };
  }

  function publish(): void {
    if (next === snapshot) return;
    snapshot = next;
    for (const listener of listeners) listener();
  }
}

function parse(data: string): ReturnType<typeof JSON.parse> {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

/** The server does not go on after that event, now or later: whoever opens it again begins anew. */
function isOutOfReach(error: Error): boolean {
  const status = isSluiceError(error, "client/refused") ? error.details["status"] : undefined;
  return status === 400 || status === 410;
}

function errorEvent(error: Error, readyState: 0 | 2): EventSourceError {
  return Object.assign(new Event("error"), { error, readyState });
}
