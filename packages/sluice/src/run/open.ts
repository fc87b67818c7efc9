import { isObject } from "../base/json.ts";
import { isTerminal } from "../chat/index.ts";
import type { FinishEvent, RunEvent } from "../chat/index.ts";
import { outcomeOf, type Outcome } from "./outcome.ts";
import type { RunWriter } from "./writer.ts";

/** A run that is being produced here, for those who push events; `start` pulls them from a source. */
export interface OpenRun {
  readonly id: string;
  /** Fires when the run ends in any other way than well: stop, deadline, limit, end of a drain. */
  readonly signal: AbortSignal;
  /**
   * Resolves at once while the log keeps up, else when there is room. A terminal ends the run, and so does an event
   * over a limit; the producer may go on after `chat/*`.
   * @throws SluiceError `chat/*`, `log/max-bytes`, `log/max-entries`; `run/ended` after any terminal
   */
  append(event: RunEvent): Promise<void>;
  /** Ends well. Resolves when a terminal is stored: another one, when the run had ended before. */
  finish(event?: Omit<FinishEvent, "type">): Promise<void>;
  /** Ends with `error`. A coded error speaks for itself, any other becomes `PROCESSING_ERROR`. */
  fail(error: unknown): Promise<void>;
  /** How it ended, once it has. @throws what the log threw when no terminal could be written */
  readonly ended: Promise<Outcome>;
}

/** The run ends itself when the signal fires, with a terminal that tells the reason (promise 4). */
export function openRun(id: string, writer: RunWriter, signal: AbortSignal): OpenRun {
  let settle: (outcome: Promise<Outcome>) => void = () => {};
  const ended = new Promise<Outcome>((resolve) => (settle = resolve));
  ended.catch(() => {}); // whoever waits for it sees it; nobody has to

  const end = async (outcome: Outcome): Promise<void> => {
    if (!writer.ended) {
      signal.removeEventListener("abort", onAbort);
      settle(writer.end(outcome));
    }
    await ended;
  };
  const onAbort = (): void => void end(outcomeOf(signal.reason)).catch(() => {});
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  return {
    id,
    signal,
    ended,
    append(event) {
      const ends = !writer.ended && isObject(event) && isTerminal(event);
      return ends ? end({ terminal: event }) : writer.append(event);
    },
    finish: (event = {}) => end({ terminal: { finishReason: "stop", ...event, type: "finish" } }),
    fail: (error) => end(outcomeOf(error)),
  };
}
