import type { Message } from "sluice/chat";
import type { Question } from "./question.ts";

/** One conversation, as it is on the screen and as it is kept for a reload. */
export interface Chat {
  readonly threadId: string;
  readonly turns: readonly Turn[];
}

/** A question and what came back. Only the last turn of a chat can be asked again. */
export interface Turn {
  /** The idempotency key. The same key attaches to the run that exists, a new one asks the model again. */
  readonly requestId: string;
  readonly question: string;
  /** What is posted, kept until the run is known: a repeated POST must have the same body. */
  readonly body?: Question;
  readonly runId?: string;
  readonly answer?: Message;
  readonly state: TurnState;
}

export type TurnState =
  | RunningState
  | { readonly kind: "ready" }
  | { readonly kind: "error"; readonly error: TurnError };

export interface RunningState {
  /** `streaming` from the moment the server has accepted the question. */
  readonly kind: "submitted" | "streaming";
  /** The person wants it to end; the server has not said yet that it has. */
  readonly stopping: boolean;
  /** Why nothing comes just now: there is no connection, or the server wants to be asked later. */
  readonly waiting?: WaitReason;
}

export type WaitReason = "unreachable" | "unavailable";

export interface TurnError {
  /** Of docs/errors.md. */
  readonly code: string;
  readonly message: string;
  /** What trying again means: go on with this run, or ask the model once more. */
  readonly retry: "same-key" | "new-key";
}

/** What the turn is doing, while it is not over. */
export function runningState(turn: Turn | undefined): RunningState | undefined {
  const state = turn?.state;
  return state?.kind === "submitted" || state?.kind === "streaming" ? state : undefined;
}
