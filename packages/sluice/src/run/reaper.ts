import type { Clock } from "../base/clock.ts";
import { SluiceError, isSluiceError, publicError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Observer } from "../base/observer.ts";
import type { LogStore } from "../log/types.ts";
import { startEventOf } from "./active.ts";
import { STOPPED, outcomeOf } from "./outcome.ts";
import { summarise } from "./state.ts";

export interface ReaperOptions {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: Observer | undefined;
  readonly holder: string;
  readonly leaseMs: number;
  readonly scanMs: number;
  /** Runs whose producer lives here, and will renew. */
  readonly isMine: (id: string) => boolean;
}

// Bounds the work of one scan; the next one takes the rest.
const PER_SCAN = 100;

/**
 * Writes the terminal of runs whose producer is gone (promise 4): `error` with `run/producer-lost`, or `abort` where a
 * stop was asked for. Of several nodes the one that gets the lease does it. It looks at once, and then every `scanMs`:
 * also a process that dies soon after each start ends what the one before it has left. Returns what ends it.
 */
export function startReaper(options: ReaperOptions): () => void {
  const { store, clock, log, scanMs } = options;
  let ended = false;
  let cancel = (): void => {};
  scan();

  function scan(): void {
    void scanOnce().finally(() => {
      if (!ended) cancel = clock.timer(scanMs, scan);
    });
  }

  async function scanOnce(): Promise<void> {
    try {
      const ids = await store.lapsed(PER_SCAN);
      await Promise.all(ids.filter((id) => !options.isMine(id)).map(reapQuietly));
    } catch (error) {
      if (!ended) log("warn", "reaper failed", { code: publicError(error).code, error });
    }
  }

  async function reapQuietly(id: string): Promise<void> {
    try {
      await reap(id, options);
    } catch (error) {
      // Another node was faster, or the run has ended or gone in the meantime.
      if (isSluiceError(error) && LOST_RACE.has(error.code)) return;
      log("warn", "reaper failed", { run: id, code: publicError(error).code, error });
    }
  }

  return () => {
    ended = true;
    cancel();
  };
}

const LOST_RACE: ReadonlySet<string> = new Set([
  "log/lease-held",
  "log/fenced",
  "log/closed",
  "log/conflict",
  "log/not-found",
]);

async function reap(id: string, { store, clock, log, observer, holder, leaseMs }: ReaperOptions): Promise<void> {
  const { fence } = await store.lease(id, { holder: `${holder} reaper`, ttlMs: leaseMs });
  // Read after the fence has risen: nobody else appends from here on.
  const state = await store.state(id);
  if (!state || state.closedAt !== undefined) return;
  const lost = new SluiceError("run/producer-lost", "The server that produced this answer is gone.");
  const { terminal } = outcomeOf(state.stopRequested ? STOPPED : lost);
  const text = JSON.stringify(terminal);
  const entries = state.last === 0 ? [JSON.stringify(startEventOf(id)), text] : [text];
  const ms = clock.now() - state.createdAt;
  await store.close(id, entries, { expected: state.last, fence, summary: { ...summarise(terminal), durationMs: ms } });
  const code = (terminal.type === "error" ? terminal.code : undefined) ?? "stopped";
  observer?.reaped({ ...state, requestId: state.claim?.key }, code);
  log("warn", "run reaped", { run: id, code, chunks: state.last, bytes: state.bytes, ms });
}
