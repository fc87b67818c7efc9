import type { Clock } from "../base/clock.ts";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Meter } from "../base/meter.ts";
import type { Observer, RunObserver, SeenRun } from "../base/observer.ts";
import type { RunEvent } from "../chat/index.ts";
import type { LogStore } from "../log/types.ts";
import { openRun, type OpenRun } from "./open.ts";
import { STOPPED, type Outcome } from "./outcome.ts";
import type { RunLimits } from "./types.ts";
import { createWriter } from "./writer.ts";

/** A run that is being produced here. */
export interface ActiveRun {
  readonly run: OpenRun;
  readonly fence: number;
  readonly watch: RunObserver | undefined;
  /** Ends the run with the reason, unless it has ended. */
  abort(reason: unknown): void;
  /** Resolves once the run has ended and left nothing behind. Never rejects. */
  readonly ended: Promise<void>;
}

export interface BeginOptions {
  readonly id: string;
  readonly fence: number;
  readonly limits: RunLimits;
  readonly start: RunEvent;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: Meter;
  readonly observer: Observer | undefined;
  /** For the observer. */
  readonly seen: Omit<SeenRun, "id" | "createdAt">;
  readonly turn: () => Promise<void>;
}

// Without a reason of its own an abort makes one, with a stack.
const OVER = "The run is over.";

/** Begins to produce a run that the store has made: from here on its deadline runs and a stop reaches it. */
export function beginRun(options: BeginOptions): ActiveRun {
  const { id, fence, limits, store, clock, meter, observer, turn } = options;
  const startedAt = clock.now();
  meter.runStarted();
  const controller = new AbortController();
  const abort = (reason: unknown): void => controller.abort(reason);
  let contentAt: number | undefined;
  const onContent = (count: number, last: number): void => {
    const now = clock.now();
    if (contentAt === undefined) meter.firstToken(now - startedAt);
    meter.tokens(count, contentAt === undefined ? undefined : now - contentAt);
    contentAt = now;
    watch?.content(count, last);
  };
  const writer = createWriter({ store, clock, runId: id, fence, limits, turn, onRefused: abort, onContent });
  const watch = observer?.began({ ...options.seen, id, createdAt: startedAt }, writer);
  // Before the source is asked: every reader has a first frame with an id at once.
  void writer.append(options.start);
  const run = openRun(id, writer, controller.signal);

  const cancelDeadline = clock.timer(limits.maxDurationMs, () => {
    abort(new SluiceError("run/max-duration", `The answer took longer than ${limits.maxDurationMs / 1000} s.`));
  });
  const asking = new AbortController();
  const onAsked = (reason: unknown): void => {
    // A log that is closed is an answer as well, and a run that ends needs no stop.
    if (asking.signal.aborted || writer.ended) return;
    if (reason === STOPPED) watch?.stopped();
    abort(reason);
  };
  void stopRequested(store, id, asking.signal).then(() => onAsked(STOPPED), onAsked);

  const onEnd = (outcome: Outcome | undefined, error: unknown): void => {
    cancelDeadline();
    asking.abort(OVER);
    const kind = outcome?.terminal.type ?? "error";
    const code = codeOf(outcome, error);
    const ms = clock.now() - startedAt;
    meter.runEnded(kind, code, ms);
    watch?.ended(kind, code);
    if (kind === "finish") return;
    // Whoever still works for this run (a source that hangs) learns that it is over.
    abort(error ?? STOPPED);
    const { events: chunks, bytes } = writer.taken;
    const fields = { run: id, code, chunks, bytes, ms, error };
    if (outcome) options.log("info", "run interrupted", fields);
    else options.log("error", "run lost", fields);
  };
  const ended = run.ended
    .then(
      (outcome) => onEnd(outcome, outcome.error),
      (error: unknown) => onEnd(undefined, error),
    )
    .catch(() => {}); // a logger that throws

  return { run, fence, watch, abort, ended };
}

/** The first event of every run, from its id alone unless the message has an id of its own. */
export function startEventOf(runId: string, messageId: string = runId.replace(/^run_/, "msg_")): RunEvent {
  return { type: "start", messageId };
}

// `async` also for a store that throws at once.
async function stopRequested(store: LogStore, id: string, signal: AbortSignal): Promise<void> {
  await store.stopRequested(id, signal);
}

function codeOf(outcome: Outcome | undefined, error: unknown): string {
  if (outcome?.terminal.type === "finish") return outcome.terminal.finishReason ?? "finish";
  if (outcome?.terminal.type === "abort") return "stopped";
  if (outcome?.terminal.type === "error" && outcome.terminal.code !== undefined) return outcome.terminal.code;
  return isSluiceError(error) ? error.code : "PROCESSING_ERROR";
}
