import { isSluiceError } from "../base/errors.ts";
import { SSE_CONTENT_TYPE } from "../sse/index.ts";
import { createReader, type Reader } from "./reader.ts";
import { absoluteUrl } from "./request.ts";
import type { EventStreamOptions, StreamState } from "./types.ts";

/** As `openEventStream`; `server` is `any` unless told otherwise. */
export interface EventSourceInit extends Omit<EventStreamOptions, "credentials" | "onState" | "signal"> {
  /** Cookies go to other origins too. Default false. */
  readonly withCredentials?: boolean;
}

/**
 * What `error` listeners are given; these fields are always there but in the browser's own type. A server's own event of
 * the name `error` comes to the same listeners, as a message with `data` and `readyState`.
 */
export interface EventSourceErrorEvent extends Event {
  /** Of the source, when this happened: `CONNECTING` when it comes back by itself, else `CLOSED`. */
  readonly readyState?: number;
  /** The HTTP status, where the server refused. */
  readonly code?: number;
  readonly message?: string;
  readonly data?: string;
}

/** What `EventSource` says of a source that was made from a stream. */
const STREAM_URL = "about:event-stream";
/** As browsers do. A server's `retry:` replaces it. */
const RETRY_MS = 3_000;

/**
 * The standard's `EventSource`, which can also POST, send headers, and be told the last id. Of a run of Sluice it has
 * each event once, and it is closed after the terminal one; any other server it reads as the standard says. It differs
 * in that it waits out answers with 408, 425, 429 and 5xx, pauses with jitter, takes no id from a block without data, and
 * reads on by GET at the `Location` that the answer to a POST named.
 */
export class EventSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;

  readonly url: string;
  readonly withCredentials: boolean;
  readonly #reader: Reader;
  readonly #leaving = new AbortController();
  readonly #open = createHandler<Event>(this, "open");
  readonly #message = createHandler<MessageEvent>(this, "message");
  readonly #error = createHandler<EventSourceErrorEvent>(this, "error");
  #readyState: 0 | 1 | 2 = 0;
  #origin = "";

  /**
   * A source that reads these bytes, once: it is closed at their end, and never comes back by itself. Who reconnects
   * pipes the body of the next answer into the same stream; `lastEventId` and `reconnectionTime` are there for that.
   * @throws TypeError for a stream that somebody reads already
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array<ArrayBuffer>>): EventSource {
    const response = new Response(stream, { headers: { "content-type": SSE_CONTENT_TYPE } });
    const letGo = (): void => void response.body?.cancel().catch(() => {}); // it may be read already
    return new EventSource(STREAM_URL, {
      fetch: async (_, init) => (init?.signal?.addEventListener("abort", letGo), response),
      backoff: { maxAttempts: 1 },
      wake: { subscribe: () => () => {}, online: () => true },
    });
  }

  /** @throws DOMException `SyntaxError` for a URL that is none; SluiceError `option/invalid` */
  constructor(url: string | URL, init: EventSourceInit = {}) {
    super();
    const { withCredentials = false, fetch = globalThis.fetch, backoff, ...options } = init;
    this.url = parseUrl(url).href;
    this.withCredentials = withCredentials;
    this.#reader = createReader(this.url, {
      server: "any",
      ...options,
      backoff: { baseMs: RETRY_MS, maxAttempts: Infinity, ...backoff },
      credentials: withCredentials ? "include" : "same-origin",
      signal: this.#leaving.signal,
      onState: (state) => this.#follow(state),
      fetch: async (target, request) => {
        const response = await fetch(target, request);
        this.#origin = new URL(response.url || this.url).origin;
        return response;
      },
    });
    void this.#read();
  }

  get readyState(): 0 | 1 | 2 {
    return this.#readyState;
  }

  /** The id that a next connection begins after. Not of the standard yet, as `reconnectionTime`. */
  get lastEventId(): string {
    return this.#reader.lastEventId ?? "";
  }

  /** The pause before a next connection that the server asked for, in milliseconds. */
  get reconnectionTime(): number {
    return this.#reader.retryMs;
  }

  get onopen(): ((event: Event) => unknown) | null {
    return this.#open.get();
  }
  set onopen(handle: ((event: Event) => unknown) | null) {
    this.#open.set(handle);
  }

  get onmessage(): ((event: MessageEvent) => unknown) | null {
    return this.#message.get();
  }
  set onmessage(handle: ((event: MessageEvent) => unknown) | null) {
    this.#message.set(handle);
  }

  get onerror(): ((event: EventSourceErrorEvent) => unknown) | null {
    return this.#error.get();
  }
  set onerror(handle: ((event: EventSourceErrorEvent) => unknown) | null) {
    this.#error.set(handle);
  }

  /** Leaves, without an event. It stops no run. */
  close(): void {
    this.#readyState = 2;
    this.#leaving.abort();
  }

  override addEventListener<Type extends keyof EventSourceEvents>(
    type: Type,
    listener: Listener<EventSourceEvents[Type]>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener<Received extends MessageEvent>(
    type: string,
    listener: Listener<Received>,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
  }

  override removeEventListener<Type extends keyof EventSourceEvents>(
    type: Type,
    listener: Listener<EventSourceEvents[Type]>,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener<Received extends MessageEvent>(
    type: string,
    listener: Listener<Received>,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
  override removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener, options);
  }

  async #read(): Promise<void> {
    try {
      for await (const { event, data } of this.#reader) {
        const { lastEventId } = this;
        const message = new MessageEvent(event, { data, lastEventId, origin: this.#origin });
        const { over } = this.#reader;
        // The last word of a run that failed says in one event why it is closed.
        if (over && event === "error") this.#readyState = 2;
        this.dispatchEvent(event === "error" ? Object.assign(message, { readyState: this.#readyState }) : message);
        if (over) this.#fail(2, "The answer is complete.");
      }
      this.#fail(2, "The server has nothing more.");
    } catch (error) {
      this.#fail(2, error);
    }
  }

  #follow(state: StreamState): void {
    if (state.status === "waiting") this.#fail(0, state.error);
    if (state.status !== "open") return;
    this.#readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  #fail(readyState: 0 | 2, reason: unknown): void {
    if (this.#readyState === 2) return;
    this.#readyState = readyState;
    const message = reason instanceof Error ? reason.message : String(reason);
    const code = isSluiceError(reason, "client/refused") ? reason.details["status"] : undefined;
    this.dispatchEvent(Object.assign(new Event("error"), { readyState, message, code }));
  }
}

/** What listeners are given; those of all other names are given messages. */
export interface EventSourceEvents {
  readonly open: Event;
  readonly message: MessageEvent;
  readonly error: EventSourceErrorEvent;
}

type Listener<Received extends Event> = (this: EventSource, event: Received) => unknown;

interface HandlerAttribute<Received extends Event> {
  get(): ((event: Received) => unknown) | null;
  set(handle: ((event: Received) => unknown) | null): void;
}

/** `on…`: called in its turn among the listeners, which is that of its first setting. */
function createHandler<Received extends Event>(target: EventTarget, type: string): HandlerAttribute<Received> {
  let handle: ((event: Received) => unknown) | null = null;
  const listener = {
    handleEvent(event: Received): void {
      handle?.call(target, event);
    },
  };
  return {
    get: () => handle,
    set(next) {
      handle = typeof next === "function" ? next : null;
      if (handle === null) target.removeEventListener(type, listener);
      else target.addEventListener(type, listener);
    },
  };
}

function parseUrl(url: string | URL): URL {
  try {
    return absoluteUrl(url);
  } catch (error) {
    throw new DOMException(error instanceof Error ? error.message : String(error), "SyntaxError");
  }
}
