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

interface Kept {
  readonly events: readonly Envelope[];
  readonly weight: number;
}

/** @param maxEvents of all contexts together; an event counts once for each KiB that it has begun */
export function createContexts(maxEvents: number): Contexts {
  const contexts = new Map<string, Map<string, Kept>>();
  let total = 0;

  function touch(key: string): Map<string, Kept> {
    const runs = contexts.get(key) ?? new Map<string, Kept>();
    contexts.delete(key);
    contexts.set(key, runs);
    return runs;
  }

  function trim(): void {
    for (const [key, runs] of contexts) {
      for (const [runId, { weight }] of runs) {
        if (total <= maxEvents) return;
        runs.delete(runId);
        total -= weight;
      }
      contexts.delete(key);
    }
  }

  return {
    read(key, own) {
      const map = new Map<string, readonly Envelope[]>();
      if (key !== undefined && contexts.has(key)) for (const [id, { events }] of touch(key)) map.set(id, events);
      if (own) map.set(...own);
      return {
        map,
        get all() {
          return [...map.values()].flat();
        },
        byRun: (id) => map.get(id) ?? [],
      };
    },
    add(key, runId, events) {
      if (events.length === 0) return; // nothing that would ever be trimmed
      const runs = touch(key);
      const weight = events.reduce((sum, { payload }) => sum + weightOf(payload), 0);
      total += weight - (runs.get(runId)?.weight ?? 0);
      runs.set(runId, { events, weight });
      trim();
    },
  };
}

// A payload may hold itself, or be anything: whoever is so large counts as large enough.
const MAX_PARTS = 65_536;

/** About how many KiB a payload keeps, at least 1. */
function weightOf(payload: unknown): number {
  const parts: unknown[] = [payload];
  let bytes = 0;
  for (let seen = 0; parts.length > 0 && seen < MAX_PARTS; seen += 1) {
    const part = parts.pop();
    bytes += 16;
    if (typeof part === "string") bytes += part.length;
    else if (ArrayBuffer.isView(part)) bytes += part.byteLength;
    else if (typeof part === "object" && part !== null) for (const inner of Object.values(part)) parts.push(inner);
  }
  return Math.ceil(bytes / 1_024);
}
