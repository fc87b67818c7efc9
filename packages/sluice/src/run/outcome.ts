import { publicError } from "../base/errors.ts";
import type { TerminalEvent } from "../chat/index.ts";

export interface Outcome {
  readonly terminal: TerminalEvent;
  /** What went wrong below an `error`, or why the signal fired. */
  readonly error?: unknown;
}

/** Why a run's signal fires when somebody asked it to stop. Every other reason is an error. */
export const STOPPED: DOMException = new DOMException("The run was stopped.", "AbortError");

/** The end of a run whose producer threw, or whose signal fired, with this reason. */
export function outcomeOf(reason: unknown): Outcome {
  if (reason === STOPPED) return { terminal: { type: "abort", reason: "stopped" }, error: reason };
  const { code, message } = publicError(reason);
  return { terminal: { type: "error", errorText: message, code }, error: reason };
}
