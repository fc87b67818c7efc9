import type { Runs } from "../run/index.ts";

/** How far runs were taken by readers on this node, for producers that wait for them. */
export interface Progress {
  /** A reader has taken everything up to this entry, and wants more. */
  reached(runId: string, sequence: number): void;
  /** Resolves when a reader has taken the entry, or the run is over. */
  whenTaken(runId: string, sequence: number): Promise<void>;
}

interface Watched {
  at: number;
  waiting: { readonly sequence: number; readonly resolve: () => void }[];
}

export function createProgress(runs: Runs): Progress {
  /** Only the runs that somebody waits for. */
  const watched = new Map<string, Watched>();

  function watch(runId: string): Watched {
    const run: Watched = { at: 0, waiting: [] };
    watched.set(runId, run);
    void runs.ended(runId).then(() => {
      watched.delete(runId);
      for (const { resolve } of run.waiting) resolve();
    });
    return run;
  }

  return {
    reached(runId, sequence) {
      if (watched.size === 0) return;
      const run = watched.get(runId);
      if (!run || sequence <= run.at) return;
      run.at = sequence;
      const waiting = run.waiting;
      run.waiting = waiting.filter((one) => one.sequence > sequence);
      for (const one of waiting) if (one.sequence <= sequence) one.resolve();
    },
    whenTaken(runId, sequence) {
      const run = watched.get(runId) ?? watch(runId);
      if (sequence <= run.at) return Promise.resolve();
      return new Promise((resolve) => run.waiting.push({ sequence, resolve }));
    },
  };
}
