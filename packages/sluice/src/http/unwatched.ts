import type { Clock } from "../base/clock.ts";
import { publicError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Runs } from "../run/index.ts";
import { checkWhole, wrongOption } from "../base/options.ts";

export interface UnwatchedOptions {
  /**
   * Stops a run that has had a reader and has had none on this node for so long, as `POST /runs/<id>/stop` does. The
   * node that its last reader left does it, wherever the run is produced; when that node dies, nobody does. A run that
   * nobody has read goes on. Default: leaving is not stopping.
   */
  readonly stopWhenUnwatchedMs?: number | undefined;
  /**
   * Asked before such a stop whether the run is read on another node. Needed with a store that nodes share: with
   * routing by run, `() => false` is the truth. When it says yes, or throws, it is asked again after the same time.
   */
  readonly watchedElsewhere?: (runId: string) => boolean | Promise<boolean>;
}

/** What becomes of runs that have no reader on this node. */
export interface Unwatched {
  /** A run has a reader. */
  watched(runId: string): void;
  /** A run has none any more. */
  left(runId: string): void;
  /** @throws SluiceError `option/invalid` for a time that `override` cannot take */
  check(ms: number): void;
  /** Another time for one run that is produced here. */
  override(runId: string, ms: number): void;
  /** Calls back whenever one run that is produced here has no reader on this node any more. */
  tell(runId: string, left: () => void): void;
}

const NAME = "stopWhenUnwatchedMs";

/** @throws SluiceError `option/invalid` */
export function createUnwatched(
  options: UnwatchedOptions,
  { runs, clock, log }: { readonly runs: Runs; readonly clock: Clock; readonly log: Logger },
): Unwatched {
  const { watchedElsewhere } = options;
  const everyMs = options.stopWhenUnwatchedMs === undefined ? undefined : checked(options.stopWhenUnwatchedMs);
  const own = new Map<string, number>();
  const told = new Map<string, () => void>();
  /** Runs that may be stopped soon, each with what takes it back. */
  const waiting = new Map<string, () => void>();

  function checked(ms: number): number {
    if (runs.store.reach === "cluster" && !watchedElsewhere) {
      throw wrongOption("watchedElsewhere", `${NAME} on a store that nodes share needs watchedElsewhere.`);
    }
    return checkWhole(NAME, ms);
  }

  function left(runId: string): void {
    stopLater(runId);
    try {
      told.get(runId)?.();
    } catch (error) {
      log("error", "onUnwatched threw", { run: runId, error });
    }
  }

  function stopLater(runId: string): void {
    const ms = own.get(runId) ?? everyMs;
    if (ms === undefined) return;
    const back = new AbortController();
    const cancel = clock.timer(ms, () => void look(runId, back.signal));
    waiting.set(runId, () => {
      cancel();
      back.abort();
    });
  }

  async function look(runId: string, back: AbortSignal): Promise<void> {
    try {
      const run = await runs.get(runId);
      if (run?.status === "running" && !back.aborted) {
        const elsewhere = await watchedElsewhere?.(runId);
        if (back.aborted) return;
        if (elsewhere === true) return stopLater(runId);
        log("info", "run unwatched", { run: runId });
        await runs.stop(runId);
      }
      if (!back.aborted) waiting.delete(runId);
    } catch (error) {
      log("warn", "unwatched run not stopped", { run: runId, code: publicError(error).code, error });
      if (!back.aborted) stopLater(runId);
    }
  }

  return {
    left,
    watched(runId) {
      waiting.get(runId)?.();
      waiting.delete(runId);
    },
    check: (ms) => void checked(ms),
    override(runId, ms) {
      own.set(runId, ms);
      void runs.ended(runId).then(() => own.delete(runId));
    },
    tell(runId, callback) {
      told.set(runId, callback);
      void runs.ended(runId).then(() => told.delete(runId));
    },
  };
}
