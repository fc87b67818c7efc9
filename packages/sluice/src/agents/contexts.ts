import type { Envelope } from "./event.ts";

/** The events of a context: of runs that have ended, then of the run that asks. */
export interface ContextEvents {
  readonly all: readonly Envelope[];
  readonly map: ReadonlyMap<string, readonly Envelope[]>;
  byRun(runId: string): readonly Envelope[];
}

/** What runs of a context leave to those that come later. In memory; whoever was not asked for longest goes first. */
export interface Contexts {
  /** @param own the run that asks, and its events so far */
  read(key: string | undefined, own?: readonly [runId: string, events: readonly Envelope[]]): ContextEvents;
  /** Keeps the events of a run that has ended. */
  add(key: string, runId: string, events: readonly Envelope[]): void;
}

/** @param maxEvents of all contexts together */
export function createContexts(maxEvents: number): Contexts {
  const contexts = new Map<string, Map<string, readonly Envelope[]>>();
  let total = 0;

  function touch(key: string): Map<string, readonly Envelope[]> {
    const runs = contexts.get(key) ?? new Map<string, readonly Envelope[]>();
    contexts.delete(key);
    contexts.set(key, runs);
    return runs;
  }

  function trim(): void {
    for (const [key, runs] of contexts) {
      for (const [runId, events] of runs) {
        if (total <= maxEvents) return;
        runs.delete(runId);
        total -= events.length;
      }
      contexts.delete(key);
    }
  }

  return {
    read(key, own) {
      const earlier = key !== undefined && contexts.has(key) ? touch(key) : [];
      const map = new Map([...earlier, ...(own ? [own] : [])]);
      return { map, all: [...map.values()].flat(), byRun: (id) => map.get(id) ?? [] };
    },
    add(key, runId, events) {
      const runs = touch(key);
      total += events.length - (runs.get(runId)?.length ?? 0);
      runs.set(runId, events);
      trim();
    },
  };
}
