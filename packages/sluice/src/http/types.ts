import type { RunState } from "../run/index.ts";
import type { Meter } from "../base/meter.ts";
import type { Wire } from "./compress/wire.ts";
import type { Deadlines } from "./delivery/deadlines.ts";
import type { Piece } from "./delivery/piece.ts";
import type { Listener, PieceSource } from "./delivery/source.ts";
import type { Seat } from "./limits.ts";

/** What authorisation may look at. A web `Request` is one; the Node path makes one without the body. */
export interface RequestLike {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

/** What is about to be done. `run` is undefined when there is no run of that id: ask for credentials all the same. */
export type Action =
  | { readonly kind: "start" }
  | { readonly kind: "list" }
  | { readonly kind: "callback" }
  | { readonly kind: "cancel"; readonly requestId: string }
  | { readonly kind: "thread"; readonly threadId: string }
  | { readonly kind: "subscribe" | "publish"; readonly topic: string }
  | { readonly kind: "read" | "stop"; readonly runId: string; readonly run: RunState | undefined };

/**
 * Who is asking. The name returned must equal the run's owner, or the answer is the 404 of a run that never was
 * (promise 7). Nobody: undefined, answered 401. To refuse in another way, throw a SluiceError `auth/*`.
 */
export type Authorize = (request: RequestLike, action: Action) => Caller | undefined | Promise<Caller | undefined>;

/** An owner's name, or that and headers to send along (a new cookie, say). */
export type Caller = string | { readonly owner: string; readonly headers: Readonly<Record<string, string>> };

export interface StreamOptions {
  /** The wording. Default: what the request asks for by `?dialect=` or `Accept`, else `simple`. */
  readonly dialect?: string;
  /**
   * Ids are `<runId>~<offset>`: for a route that starts runs and resumes them at the same URL, as a bare EventSource
   * needs it. Default: as the reader has them.
   */
  readonly qualifiedIds?: boolean;
  /** What `Location` begins with, for a route of your own. Default: `basePath` of the sluice. */
  readonly basePath?: string;
}

/** For an earlier run of the caller, in a handler of your own. */
export interface ResumeOptions extends StreamOptions {
  /** Who asks, where the handler knows it: `authorize` is not asked then. */
  readonly owner?: string;
}

/** A request on its way through the handlers, from either kind of server. */
export interface Call extends RequestLike {
  readonly location: URL;
  /** The body as text, or as a value that a framework has parsed already. Reads at most `limit` bytes. */
  body(limit: number): Promise<BodyText | BodyValue>;
  /** Of the socket, which may be a proxy's; undefined where the server does not tell. */
  readonly address?: string | undefined;
  /** Fires when the caller has gone. */
  readonly signal: AbortSignal;
  /** HTTP/1.1 alone says `Connection: keep-alive`. */
  readonly keepAlive: boolean;
}

export interface BodyText {
  readonly text: string;
}
export interface BodyValue {
  readonly value: unknown;
}

export type Reply =
  | { readonly kind: "json"; readonly status: number; readonly headers: Headers; readonly body: unknown }
  | { readonly kind: "empty"; readonly status: number; readonly headers: Headers }
  | { readonly kind: "events"; readonly status: 200; readonly headers: Headers; readonly events: EventStream };

type Headers = Readonly<Record<string, string>>;

/** One reader's stream, not yet begun. */
export interface EventStream {
  /** What the reader is told to wait before it comes back. */
  readonly retryMs: number;
  /** Those to whom nothing was sent for so long that they get a comment. */
  readonly heartbeats: Deadlines;
  /** Those who have taken nothing of what was written for so long that they count as gone. */
  readonly stalls: Deadlines;
  readonly meter: Meter;
  /** Nothing but what the source gives may be written: no comments. Default false. */
  readonly bare?: boolean;
  /** The place it takes, given back when it is over. */
  seat: Seat | undefined;
  /** What compresses the answer; its `Content-Encoding` is among the headers. */
  readonly wire: Wire | undefined;
  /** Begins it, at most once. */
  open(reader: StreamReader): PieceSource;
  /** Tells how the reader fared, once, also when it was never opened. */
  closed(outcome: ReaderOutcome): void;
}

/** A connection. */
export interface StreamReader extends Listener {
  /** As `Listener`; where it can, after the last frame. */
  fail(error: unknown, lastFrame?: string): void;
  /** Of frames, so far. */
  readonly bytes: number;
}

export interface ReaderOutcome {
  /** undefined for one that has everything. */
  readonly error?: unknown;
  readonly left: boolean;
  readonly writes: number;
  /** Of frames. */
  readonly bytes: number;
}

/** The frames of one entry, in pieces of at most 64 KiB. */
export type EncodedEntry = readonly Piece[];
