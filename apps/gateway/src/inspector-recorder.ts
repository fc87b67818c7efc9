import type { Observer, SeenRun } from "sluice/http";
import type { RunState } from "sluice/run";
import { Recording } from "./inspector-recording.ts";

export interface RecorderOptions {
  readonly now: () => number;
  /** What the store knows of a run that another node produces, or that ended before this process began. */
  readonly stateOf: (id: string) => Promise<RunState | undefined>;
  /** Runs to remember that have ended and have no reader here. Default 1,000. */
  readonly keep?: number;
}

/** What this node has seen of runs: those that go on, and the last of those that ended. */
export interface Recorder {
  readonly observer: Observer;
  readonly recordings: Iterable<Recording>;
  readonly size: number;
  get(id: string): Recording | undefined;
  /** Pieces of content that were stored by all runs of this node. */
  readonly tokens: number;
  readonly running: number;
  /** Asks the store what became of runs that others produce, of some at a time. */
  refresh(): void;
  /** Called with the number of each recording that is let go of. */
  onForgotten: (n: number) => void;
}

const AT_ONCE = 100;
const STATUS = { finish: "finished", abort: "aborted", error: "failed" } as const;

export function createRecorder({ now, stateOf, keep = 1_000 }: RecorderOptions): Recorder {
  const recordings = new Map<string, Recording>();
  /** Those that may be let go of; those that came to rest first, first. */
  const resting = new Set<Recording>();
  /** Those that others produce, and that went on when the store was asked last; asked longest ago first. */
  const elsewhere = new Set<Recording>();
  let numbers = 0;
  let tokens = 0;
  let running = 0;

  function record(run: SeenRun, progress?: ConstructorParameters<typeof Recording>[3]): Recording {
    // A reader may come between the run's first entry and its beginning: what is told now knows more.
    const early = recordings.get(run.id);
    if (early) forget(early);
    const recording = new Recording((numbers += 1), run, now, progress);
    recordings.set(run.id, recording);
    return recording;
  }

  function forget(recording: Recording): void {
    resting.delete(recording);
    elsewhere.delete(recording);
    recordings.delete(recording.facts.id);
    recorder.onForgotten(recording.facts.n);
  }

  const isKnown = (recording: Recording): boolean => recordings.get(recording.facts.id) === recording;

  function rest(recording: Recording): void {
    const going = recording.here && !recording.over;
    if (going || recording.readers.open.size > 0 || !isKnown(recording)) return;
    resting.add(recording);
    for (const oldest of resting) {
      if (resting.size <= keep) return;
      forget(oldest);
    }
  }

  /** Of runs of other nodes this one hears nothing but what the store says. */
  function lookUp(recording: Recording): void {
    elsewhere.delete(recording);
    if (recording.here || recording.over || !isKnown(recording)) return;
    elsewhere.add(recording);
    stateOf(recording.facts.id).then(
      (state) => {
        if (state) recording.learn(knownOf(state));
        if (!state || recording.over) elsewhere.delete(recording);
      },
      () => {}, // it is asked for again
    );
  }

  const observer: Observer = {
    began(run, progress) {
      const recording = record(run, progress);
      running += 1;
      return {
        content(count, last) {
          tokens += count;
          recording.content(count, last);
        },
        stopped: () => recording.stopping("stop-reached"),
        leaseRenewed: () => recording.leaseRenewed(),
        leaseLost: (code) => recording.mark({ kind: "lease-lost", code }),
        ended(terminal, code) {
          running -= 1;
          recording.end(STATUS[terminal], code);
          rest(recording);
        },
      };
    },
    joined(run, reader) {
      const recording = recordings.get(run.id) ?? record(run);
      resting.delete(recording);
      const stretch = recording.join(reader);
      lookUp(recording);
      return {
        merged: (entries, frames) => recording.merged(entries, frames, stretch),
        left(code) {
          recording.leave(reader, stretch, code);
          lookUp(recording);
          rest(recording);
        },
      };
    },
    merged: (runId, entries, frames) => recordings.get(runId)?.merged(entries, frames),
    stopRequested(runId) {
      const recording = recordings.get(runId);
      // To one that has ended it does nothing.
      if (recording && !recording.over) recording.stopping("stop-asked");
    },
    reaped(run, code) {
      const recording = recordings.get(run.id) ?? record(run);
      recording.mark({ kind: "reaped", code });
      recording.end(code === "stopped" ? "aborted" : "failed", code);
      rest(recording);
    },
  };

  const recorder: Recorder = {
    observer,
    get recordings() {
      return recordings.values();
    },
    get size() {
      return recordings.size;
    },
    get: (id) => recordings.get(id),
    get tokens() {
      return tokens;
    },
    get running() {
      return running;
    },
    refresh() {
      for (const recording of [...elsewhere].slice(0, AT_ONCE)) lookUp(recording);
    },
    onForgotten: () => {},
  };
  return recorder;
}

function knownOf(state: RunState): Parameters<Recording["learn"]>[0] {
  return {
    status: state.status,
    code: state.error?.code ?? (state.status === "aborted" ? "stopped" : (state.finishReason ?? "")),
    endedAt: state.closedAt,
    firstTokenMs: state.firstTokenMs,
    // The digits after the first sign of an offset are the number of the entry.
    entries: Number(state.lastOffset.slice(1)),
    bytes: state.bytes,
    stopping: state.stopRequested,
  };
}
