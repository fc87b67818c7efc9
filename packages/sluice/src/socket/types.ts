import type { Clock } from "../base/clock.ts";
import type { Json } from "../base/json.ts";
import type { Logger } from "../base/log.ts";
import type { AudioFormat } from "../client/socket-messages.ts";
import type { Caller, NodeRequest, RequestLike } from "../http/index.ts";
import type { Release } from "../http/limits.ts";

/** What somebody says, while it is being said. */
export interface Talk {
  /** Pieces as they come; their borders mean nothing. Ends with the talk; throws the signal's reason when it fires. */
  readonly audio: AsyncIterable<Uint8Array>;
  readonly format: AudioFormat;
  /** Live, or recorded before it was sent. */
  readonly kind: "chunks" | "file";
  /** Of a file, where its client has said it. */
  readonly durationMs: number | undefined;
  /** What the talk is about, in the application's words. */
  readonly scope: string | undefined;
  readonly owner: string;
  /** Fires when nobody waits for the answer any more: cancelled, left, over a limit. */
  readonly signal: AbortSignal;
}

/**
 * A piece of the answer. The format comes before the first audio. A transcript is final unless it says otherwise: one
 * that is not final is replaced by the next.
 */
export type TalkAnswer =
  | Uint8Array
  | { readonly format: AudioFormat }
  | { readonly transcript: string; readonly final?: boolean }
  | { readonly control: string; readonly data?: Json };

/** Asked for the next piece when the client has taken the last. What it throws ends the turn, not the connection. */
export type TalkHandler = (talk: Talk) => AsyncIterable<TalkAnswer>;

/**
 * Who asks for a conversation, before there is one. Nobody: undefined, answered 401; to refuse in another way throw a
 * SluiceError. A browser lets any page open a socket here and sends its cookies along: look at `Origin`.
 */
export type AuthorizeSocket = (
  request: RequestLike,
  req: NodeRequest,
) => Caller | undefined | Promise<Caller | undefined>;

/** Before a conversation (`connect`) and before each turn in it; what is returned is called when it is over. */
export type AdmitSocket = (owner: string, action: "connect" | "talk") => Release | Promise<Release>;

export interface SocketLimits {
  /** Conversations on this node. Default 1,000. */
  readonly maxConversations?: number;
  /** Of one owner on this node. Default 8. */
  readonly maxPerOwner?: number;
  /** Of one binary message. Default 65,536. Text messages have 4,096. */
  readonly maxMessageBytes?: number;
  /** Of one talk. Default 8 MiB: three minutes of PCM at 24 kHz. */
  readonly maxTalkBytes?: number;
  /** From the first to the last of a talk. Default 300,000. */
  readonly maxTalkMs?: number;
  /** Of one answer. Default 32 MiB. */
  readonly maxAnswerBytes?: number;
  /** From the opening of a talk to the end of its answer. Default 600,000. */
  readonly maxTurnMs?: number;
}

export interface SocketConversationOptions {
  /** Default `/ws`. Requests to upgrade at other paths are left to whoever else listens. */
  readonly path?: string;
  readonly authorize: AuthorizeSocket;
  readonly handler: TalkHandler;
  readonly admit?: AdmitSocket;
  readonly limits?: SocketLimits;
  /** A ping after so much silence; after 2.5 times of it a client counts as gone. Default 15,000. */
  readonly heartbeatMs?: number;
  /** A client that takes nothing of what was written for so long is broken off. Default 60,000. */
  readonly stallMs?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}
