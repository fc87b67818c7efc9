import { publicError } from "../base/errors.ts";
import { isTerminal } from "../chat/index.ts";
import type { FinishEvent, RunEvent, TerminalEvent } from "../chat/index.ts";
import type { RunWriter } from "./writer.ts";

/** A run that is being produced here, for those who push events; `start` pulls them from a source. */
export interface OpenRun {
  readonly id: string;
  /** Fires on stop, on the run's deadline and at the end of a drain; the terminal is written by itself then. */
  readonly signal: AbortSignal;
  /**
   * Resolves at once while the log keeps up, else when there is room. A terminal ends the run.
   * @throws SluiceError `chat/*`, `log/max-bytes`, `log/max-entries`; `run/ended` after any terminal
   */
  append(event: RunEvent): Promise<void>;
  /** Ends well. Resolves when the terminal is stored. */
  finish(event?: Omit<FinishEvent, "type">): Promise<void>;
  /** Ends with `error`. A coded error speaks for itself, any other becomes `PROCESSING_ERROR`. */
  fail(error: unknown): Promise<void>;
  /** How it ended, once it has. @throws what the log threw when no terminal could be written */
  readonly ended: Promise<Outcome>;
}

export interface Outcome {
  readonly terminal: TerminalEvent;
  /** What went wrong below an `error`, or why the signal fired. */
  readonly error?: unknown;
}

/** Why a run's signal fires when somebody asked it to stop. Every other reason is an error. */
export const STOPPED: DOMException = new DOMException("The run was stopped.", "AbortError");

/** The run ends itself when the signal fires, with a terminal that tells the reason (promise 4). */
export function openRun(id: string, writer: RunWriter, signal: AbortSignal): OpenRun {
  let settle: (outcome: Outcome | Promise<Outcome>) => void = () => {};
  const ended = new Promise<Outcome>((resolve) => (settle = resolve));
  ended.catch(() => {}); // whoever waits for it sees it; nobody has to
  let ending = false;

  const end = async (terminal: TerminalEvent, error?: unknown): Promise<void> => {
    if (!ending) {
      ending = true;
      signal.removeEventListener("abort", onAbort);
      settle(write(writer, terminal, error));
    }
    await ended;
  };
  const onAbort = (): void => void end(terminalOf(signal.reason), signal.reason).catch(() => {});
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  return {
    id,
    signal,
    ended,
    append: (event) => (isTerminal(event) ? end(event) : writer.append(event)),
    finish: (event = {}) => end({ type: "finish", finishReason: "stop", ...event }),
    fail: (error) => end(terminalOf(error), error),
  };
}

// A terminal that cannot be written as it is (metadata that is no JSON, say) becomes an error that can.
async function write(writer: RunWriter, terminal: TerminalEvent, error: unknown): Promise<Outcome> {
  try {
    await writer.end(terminal);
    return { terminal, error };
  } catch (cause) {
    const instead = terminalOf(cause);
    try {
      await writer.end(instead);
    } catch {
      throw cause;
    }
    return { terminal: instead, error: cause };
  }
}

function terminalOf(reason: unknown): TerminalEvent {
  if (reason === STOPPED) return { type: "abort", reason: "stopped" };
  const error = publicError(reason);
  return { type: "error", errorText: error.message, code: error.code };
}
