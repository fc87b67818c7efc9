import type { JsonObject } from "./json.ts";
import { safely, type Logger } from "./log.ts";

/**
 * What happens to each run on this node, for whoever shows it. No call may throw or take long, and none comes for each
 * token: what changes all the time is not told, it is looked up in what was handed over. The first that throws is logged.
 */
export interface Observer {
  /** A run begins to be produced here, with a lease. */
  began(run: SeenRun, progress: SeenProgress): RunObserver;
  /** A stream of a run begins here, whichever node produces it. */
  joined(run: SeenRun, reader: SeenReader): ReaderObserver;
  /** Entries that became fewer frames for all readers at the live end of a run. */
  merged(runId: string, entries: number, frames: number): void;
  /** Somebody asked for a stop, on this node. */
  stopRequested(runId: string): void;
  /** The producer is gone, and this node has ended its run. @param code of the error, or `stopped` */
  reaped(run: SeenRun, code: string): void;
}

export interface SeenRun {
  readonly id: string;
  readonly owner: string;
  readonly meta: JsonObject;
  readonly requestId?: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface SeenProgress {
  /** What the producer has handed over, the terminal not counted. */
  readonly taken: { readonly events: number; readonly bytes: number };
}

/** Of a run that is produced here. */
export interface RunObserver {
  /** Content that was stored in one append. @param last sequence number of the last entry of that append */
  content(count: number, last: number): void;
  /** The stop has reached the producer. */
  stopped(): void;
  leaseRenewed(): void;
  /** Somebody else may append now. */
  leaseLost(code: string): void;
  /** @param code of an error, `stopped` for a stop, else the finish reason or `finish` */
  ended(terminal: "finish" | "error" | "abort", code: string): void;
}

export interface SeenReader {
  readonly dialect: string;
  readonly compressed: boolean;
  /** Sequence number of the last entry that it says it has; 0 for one that begins. */
  readonly after: number;
  /** The last entry that was worded for it; undefined where its dialect does not say. */
  readonly at: number | undefined;
  /** Of frames, so far. */
  readonly bytes: number;
}

export interface ReaderObserver {
  /** Entries that became fewer frames because it is behind. */
  merged(entries: number, frames: number): void;
  /** @param code `end` for one that has everything, `reader-left`, or the code that broke it off */
  left(code: string): void;
}

/** An observer that throws must take neither an answer nor the process with it. */
export function guarded(observer: Observer, log: Logger): Observer {
  const say = safely(log);
  let hasFailed = false;
  function attempt<R>(call: () => R): R | undefined {
    try {
      return call();
    } catch (error) {
      // Once: it may throw at every append of every run.
      if (!hasFailed) say("error", "observer failed", { code: "PROCESSING_ERROR", error });
      hasFailed = true;
      return undefined;
    }
  }
  return {
    began(run, progress) {
      const watch = attempt(() => observer.began(run, progress));
      return {
        content: (count, last) => attempt(() => watch?.content(count, last)),
        stopped: () => attempt(() => watch?.stopped()),
        leaseRenewed: () => attempt(() => watch?.leaseRenewed()),
        leaseLost: (code) => attempt(() => watch?.leaseLost(code)),
        ended: (terminal, code) => attempt(() => watch?.ended(terminal, code)),
      };
    },
    joined(run, reader) {
      const watch = attempt(() => observer.joined(run, reader));
      return {
        merged: (entries, frames) => attempt(() => watch?.merged(entries, frames)),
        left: (code) => attempt(() => watch?.left(code)),
      };
    },
    merged: (runId, entries, frames) => attempt(() => observer.merged(runId, entries, frames)),
    stopRequested: (runId) => attempt(() => observer.stopRequested(runId)),
    reaped: (run, code) => attempt(() => observer.reaped(run, code)),
  };
}
