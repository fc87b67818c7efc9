import type { Message } from "sluice/chat";
import { runningState, type Turn, type WaitReason } from "./chat.ts";

/** The server has accepted the question, or takes it up again after a break. */
export function opened(turn: Turn, runId: string | undefined): Turn {
  const state = { kind: "streaming", stopping: isStopping(turn) } as const;
  if (runId === undefined) return { ...turn, state };
  const { body: _posted, ...rest } = turn;
  return { ...rest, runId, state };
}

/** More of the answer is there. What a reload has kept stays on the screen until the new reading is as far. */
export function progressed(turn: Turn, message: Message): Turn {
  if (turn.answer !== undefined && length(message) < length(turn.answer)) return turn;
  return { ...turn, answer: message };
}

/** The connection is gone for now, or was never there. */
export function interrupted(turn: Turn, waiting: WaitReason): Turn {
  const state = runningState(turn);
  return state === undefined ? turn : { ...turn, state: { ...state, waiting } };
}

export function stopping(turn: Turn, wanted: boolean): Turn {
  const state = runningState(turn);
  return state === undefined ? turn : { ...turn, state: { ...state, stopping: wanted } };
}

/** The person took the question back before any server was known to have it. */
export function withdrawn(turn: Turn): Turn {
  const nothing: Message = { id: "", role: "assistant", parts: [], status: "aborted" };
  return { ...turn, answer: { ...(turn.answer ?? nothing), status: "aborted" }, state: { kind: "ready" } };
}

/** Nothing more will come. A message without its terminal is not taken for a whole one. */
export function ended(turn: Turn, message: Message | undefined): Turn {
  if (message === undefined || message.status === "streaming") {
    const error = { code: "run/source-truncated", message: "The answer broke off.", retry: "same-key" } as const;
    return { ...turn, state: { kind: "error", error } };
  }
  const answered = { ...turn, answer: message };
  if (message.status !== "failed") return { ...answered, state: { kind: "ready" } };
  const { code, message: said } = message.error ?? { code: "PROCESSING_ERROR", message: "The answer failed." };
  return { ...answered, state: { kind: "error", error: { code, message: said, retry: "new-key" } } };
}

export function isStopping(turn: Turn | undefined): boolean {
  return runningState(turn)?.stopping === true;
}

/** The server could not be asked so far. */
export function isUnheard(turn: Turn | undefined): boolean {
  return turn?.runId === undefined && runningState(turn)?.waiting !== undefined;
}

function length({ parts }: Message): number {
  return parts.reduce((sum, part) => sum + ("text" in part ? part.text.length : 0), 0);
}
