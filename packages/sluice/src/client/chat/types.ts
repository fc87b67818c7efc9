import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/id.ts";
import type { Message, MessagePart, RunEvent } from "../../chat/index.ts";
import type { StreamEvent } from "../types.ts";
import type { WakeSource } from "../wake.ts";

/**
 * A conversation as a page shows it. Nothing here knows of a framework: `subscribe` and `getSnapshot` are what React's
 * `useSyncExternalStore` and its like take.
 */
export interface Chat {
  /** The same object until something changes; changes are told at most once a frame. */
  readonly getSnapshot: () => ChatSnapshot;
  /** What a server renders, and what a page shows until it has looked at what it kept: always the same object. */
  readonly getServerSnapshot: () => ChatSnapshot;
  /** The function returned takes the subscription back. The first subscription begins to load and to resume. */
  readonly subscribe: (listener: () => void) => () => void;
  /**
   * Shows the question at once and asks it. False, and nothing happens, for an empty one and while an answer runs.
   * Bound: it may be handed out by itself, like all functions here.
   */
  readonly send: (input: string | ChatInput, options?: AskOptions) => boolean;
  /** Asks the server to end the running answer, whoever started it. What has come stays. */
  readonly stop: () => void;
  /** Asks the last question once more, with a new key. */
  readonly regenerate: (options?: AskOptions) => void;
  /** After an error: goes on with the run that exists, or asks the model again, as `error.retry` says. */
  readonly retry: () => void;
  /** Replaces what is shown, while nothing runs. */
  readonly setMessages: (messages: readonly ChatMessage[]) => void;
  /** Keeps everything now: the page may go away. */
  readonly save: () => void;
  /** Leaves: closes connections and channels, keeps what is to be kept. The run goes on. A later `subscribe` takes up again. */
  readonly close: () => void;
}

export interface ChatInput {
  readonly text: string;
  readonly files?: readonly ChatFile[];
}

/** An attachment. `url` is a `data:` URL, or one that the model's provider can fetch. */
export interface ChatFile {
  readonly url: string;
  readonly mediaType: string;
  readonly filename?: string;
}

/** For one question: added to what the chat was made with. */
export interface AskOptions {
  readonly model?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** More fields of the request's body. */
  readonly body?: Readonly<Record<string, unknown>>;
}

export interface ChatSnapshot {
  readonly threadId: string;
  /** Those that did not change are the same objects as before. */
  readonly messages: readonly ChatMessage[];
  /** `submitted` until the server has accepted the question; `streaming` until the answer's terminal is here. */
  readonly status: "ready" | "submitted" | "streaming" | "error";
  /** The person wants the answer to end; the server has not said yet that it has. */
  readonly stopping: boolean;
  readonly error?: ChatError;
  readonly connection: ChatConnection;
  /** The history of the thread is being fetched. */
  readonly loading: boolean;
}

export type ChatMessage = ChatQuestion | ChatAnswer;

interface Said {
  readonly id: string;
  readonly parts: readonly MessagePart[];
  /** All text of it. */
  readonly content: string;
  readonly metadata?: unknown;
  /** Known once the server has accepted the question. */
  readonly runId?: string;
  /** The idempotency key of its turn. */
  readonly requestId?: string;
}

export interface ChatQuestion extends Said {
  readonly role: "user" | "system";
  /** `pending` until the server is known to have it. */
  readonly status: "pending" | "sent" | "failed";
}

/** As the run's folded message. Never `finished` without a terminal (promise 3). */
export interface ChatAnswer extends Said, Pick<Message, "status" | "finishReason" | "usage" | "error"> {
  readonly role: "assistant";
}

export interface ChatError {
  /** Of docs/errors.md. */
  readonly code: string;
  readonly message: string;
  /** HTTP status, where the server refused. */
  readonly status?: number;
  /** What `retry` does: go on with this run, or ask the model once more. */
  readonly retry: "same-run" | "new-run";
}

export type ChatConnection =
  /** Nothing to read. */
  | { readonly status: "idle" }
  | { readonly status: "connecting"; readonly attempt: number }
  | {
      readonly status: "open";
      /** Another tab reads, this one is told. */
      readonly shared: boolean;
      /** How often this answer was taken up again after a break; no event of it is lost or repeated. */
      readonly resumed: number;
    }
  | {
      readonly status: "waiting";
      readonly attempt: number;
      /** By the clock: milliseconds since 1970. */
      readonly retryAt: number;
      readonly reason: "offline" | "unreachable" | "unavailable";
    };

export interface ChatOptions {
  /** Where questions are posted. Default `/stream`. Relative to the page. */
  readonly url?: string | URL;
  /** Default: a new one, kept in `storage` for a reload of this tab. */
  readonly threadId?: string;
  /** What is there already (from a server's rendering, say). Default: what this tab kept, else nothing. */
  readonly messages?: readonly ChatMessage[];
  /** Fetches the history of the thread (`GET /threads/<id>`) and follows its open run. Default false. */
  readonly load?: boolean;
  readonly headers?: HeadersInit | (() => HeadersInit);
  /** Fields of every request's body. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Wording of the answer; default `ai-sdk`. Another one needs `decode`. */
  readonly dialect?: string;
  /** Makes chat events of the dialect's. `fromFrames` of `sluice/dialects` fits. */
  readonly decode?: (events: AsyncIterable<StreamEvent>) => AsyncIterable<RunEvent>;
  /** Every event as it was received, once. */
  readonly onEvent?: (event: StreamEvent) => void;
  /** An answer is whole: finished or aborted. */
  readonly onFinish?: (message: ChatAnswer) => void;
  readonly onError?: (error: ChatError) => void;
  /** The same answer in all tabs of a thread, over one connection. Default true, where the browser can. */
  readonly shareTabs?: boolean;
  /** What leaving the page, or the signal, means for a running answer. Default `leave` (promise 6). */
  readonly onAbort?: "leave" | "stop";
  readonly signal?: AbortSignal;
  /** Default `sessionStorage` where there is one; null keeps nothing. */
  readonly storage?: ChatStorage | null;
  /** For tests. */
  readonly fetch?: typeof globalThis.fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly wake?: WakeSource;
  /** Runs once, soon. Default: the next animation frame; 100 ms while the page is hidden, where there are no frames. */
  readonly nextFrame?: (run: () => void) => void;
  readonly page?: ChatPage;
  /** Null shares nothing, as where a browser has no locks or channels. */
  readonly tabs?: Tabs | null;
}

/** What is used of `sessionStorage`. */
export interface ChatStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What a chat has to know of the page that it lives in. Default: the browser's own events; outside of one, it is seen. */
export interface ChatPage {
  visible(): boolean;
  /**
   * `hidden`: the page may be thrown away from now on without a word. `left`: it goes, maybe into the back/forward
   * cache. `shown`: somebody looks at it again. The function returned takes the subscription back.
   */
  subscribe(listener: (event: "hidden" | "left" | "shown") => void): () => void;
}

/** What tabs of one origin share. Default: Web Locks and `BroadcastChannel`. */
export interface Tabs {
  readonly locks: Pick<LockManager, "request">;
  channel(name: string): Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
  /** How many answers all tabs together read at a time from one server. Default 5 where it speaks HTTP/1.1, else any. */
  readonly connections?: number;
}
