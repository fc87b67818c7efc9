import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import type { Random } from "../base/id.ts";
import { createBackoff } from "./backoff.ts";
import { BEARER_PROTOCOL, SOCKET_PROTOCOL, parseDown, type DownMessage, type Welcome } from "./socket-messages.ts";
import { whyRefused } from "./socket-refusal.ts";
import { startTimer, wait } from "./wait.ts";
import type { WakeSource } from "./wake.ts";

export type SocketConnectionState =
  | { readonly status: "closed" }
  | { readonly status: "connecting"; readonly attempt: number }
  | { readonly status: "open" }
  /** The error is what the server said, where it said something. */
  | {
      readonly status: "waiting";
      readonly attempt: number;
      readonly retryInMs: number;
      readonly error: SluiceError | undefined;
    }
  /** The server said no, and will say so again. */
  | { readonly status: "failed"; readonly error: SluiceError };

export interface SocketConnectionOptions {
  readonly url: () => URL;
  readonly token: string | undefined;
  readonly connectMs: number;
  readonly WebSocket: new (url: URL, protocols: string[]) => WebSocket;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly wake: WakeSource;
  readonly onState: (state: SocketConnectionState) => void;
  readonly onMessage: (message: DownMessage) => void;
  readonly onAudio: (piece: Uint8Array) => void;
  /** An open connection is gone; it comes back by itself. */
  readonly onLost: (error: SluiceError) => void;
}

/** A socket that comes back. */
export interface SocketConnection {
  readonly socket: WebSocket | undefined;
  /** What the server said of itself; undefined while it is not open. */
  readonly welcome: Welcome | undefined;
  /** Opens it, or tries again at once. */
  open(): void;
  /** Resolves when it is open. @throws SluiceError when it was refused, is closed, or takes longer than `connectMs` */
  whenOpen(): Promise<void>;
  /** False when it is not open. */
  send(message: object | Uint8Array<ArrayBuffer>): boolean;
  /** Gives this connection up, for `onLost`, and opens another. */
  abandon(error: SluiceError): void;
  close(): void;
}

/** As in `openEventStream`. */
const BEATS_PER_SILENCE = 2.5;

export function createSocketConnection(options: SocketConnectionOptions): SocketConnection {
  const { clock, wake, onState, onMessage, onAudio, onLost } = options;
  const backoff = createBackoff(options.random, {});
  let socket: WebSocket | undefined;
  let welcome: Welcome | undefined;
  let failures = 0;
  let running: AbortController | undefined;
  let hurry = new AbortController();
  let stopTimer = (): void => {};
  const waiters = new Set<(error?: SluiceError) => void>();

  function settle(error?: SluiceError): void {
    for (const waiter of waiters) waiter(error);
  }

  function connect(signal: AbortSignal): void {
    onState({ status: "connecting", attempt: failures + 1 });
    let opened: WebSocket;
    try {
      opened = new options.WebSocket(options.url(), protocolsOf(options.token));
    } catch (cause) {
      // A URL that is none, or a page of https that asks for ws: trying again changes nothing.
      failed(new SluiceError("client/refused", "The browser opens no socket to this address.", { cause }));
      return;
    }
    opened.binaryType = "arraybuffer";
    socket = opened;
    stopTimer = startTimer(clock, options.connectMs, () => void again(signal));
    opened.addEventListener("message", ({ data }) => {
      if (socket !== opened) return;
      if (welcome) watch(welcome);
      if (data instanceof ArrayBuffer) onAudio(new Uint8Array(data));
      else if (typeof data === "string") receive(parseDown(data));
    });
    // Says nothing that `close` does not; the WebSocket of `ws` takes the process with it when nobody listens.
    opened.addEventListener("error", () => {});
    opened.addEventListener("close", ({ code, reason }) => {
      if (socket === opened) void again(signal, lost(reason === "" ? `code ${code}` : reason));
    });
  }

  function receive(message: DownMessage | undefined): void {
    if (message === undefined || message.type === "ping") return;
    if (message.type !== "ready") {
      onMessage(message);
      return;
    }
    welcome = message.data;
    failures = 0;
    watch(welcome);
    onState({ status: "open" });
    settle();
  }

  // A page is not told that the other end is gone: it hears nothing any more.
  function watch({ heartbeatMs }: Welcome): void {
    stopTimer();
    stopTimer = startTimer(clock, heartbeatMs * BEATS_PER_SILENCE, () => {
      if (running) void again(running.signal, lost("silence"));
    });
  }

  /** After the end of a connection, in whatever way. */
  async function again(signal: AbortSignal, error = lost("no answer")): Promise<void> {
    const wasOpen = welcome !== undefined;
    drop();
    failures += 1;
    hurry = new AbortController();
    const ended = AbortSignal.any([signal, hurry.signal]);
    if (wasOpen) onLost(error);
    const refusal = wasOpen ? undefined : await whyRefused(options, ended);
    if (signal.aborted || socket) return;
    if (refusal?.final === true) {
      failed(refusal.error);
      return;
    }
    const retryInMs = (refusal?.retryAfterMs ?? 0) + backoff.delay(failures);
    onState({ status: "waiting", attempt: failures, retryInMs, error: refusal?.error });
    // What the server asked for is not cut short by a page that is shown again.
    await wait(retryInMs, { clock, signal: ended, wake: refusal?.retryAfterMs === undefined ? wake : undefined });
    if (!signal.aborted && !socket) connect(signal);
  }

  function failed(error: SluiceError): void {
    running?.abort();
    running = undefined;
    onState({ status: "failed", error });
    settle(error);
  }

  function drop(): void {
    stopTimer();
    const old = socket;
    socket = undefined;
    welcome = undefined;
    if (old && old.readyState <= old.OPEN) old.close();
  }

  return {
    get socket() {
      return socket;
    },
    get welcome() {
      return welcome;
    },
    open() {
      hurry.abort();
      if (running) return;
      running = new AbortController();
      failures = 0;
      const { signal } = running;
      // Not yet: React in StrictMode opens, closes and opens again, and would make two sockets.
      queueMicrotask(() => {
        if (!signal.aborted) connect(signal);
      });
    },
    whenOpen() {
      if (welcome) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const end = (error?: SluiceError): void => {
          stop();
          waiters.delete(end);
          if (error) reject(error);
          else resolve();
        };
        const stop = startTimer(clock, options.connectMs, () => end(noConnection()));
        waiters.add(end);
      });
    },
    send(message) {
      if (!socket || !welcome || socket.readyState !== socket.OPEN) return false;
      socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
      return true;
    },
    abandon(error) {
      if (running && socket) void again(running.signal, error);
    },
    close() {
      if (!running) return;
      running.abort();
      running = undefined;
      drop();
      onState({ status: "closed" });
      settle(noConnection());
    },
  };
}

export function noConnection(): SluiceError {
  return new SluiceError("socket/lost", "There is no connection to talk over.");
}

function lost(reason: string): SluiceError {
  return new SluiceError("socket/lost", "The connection was lost in the middle of the conversation.", {
    details: { reason },
  });
}

function protocolsOf(token: string | undefined): string[] {
  if (token === undefined) return [SOCKET_PROTOCOL];
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(token)));
  const url = base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [SOCKET_PROTOCOL, BEARER_PROTOCOL + url];
}
