import type { ListChange, ListPage, RunFacts, RunRow, Status } from "./wire.ts";

/** One run as the table has it. */
export interface Run extends RunFacts {
  readonly status: Status;
  readonly code: string;
  readonly endedAt: number | null;
  readonly firstTokenMs: number | null;
  readonly tokens: number | null;
  readonly rate: number | null;
  readonly readers: number;
  readonly lag: number | null;
  readonly bytes: number | null;
  readonly entries: number | null;
  readonly dialects: string;
  readonly stopping: boolean;
}

export type Runs = ReadonlyMap<number, Run>;

export function runOf(facts: RunFacts, row: RunRow): Run {
  const [, status, code, endedAt, firstTokenMs, tokens, rate, readers, lag, bytes, entries, dialects, stopping] = row;
  return {
    ...facts,
    status,
    code,
    endedAt,
    firstTokenMs,
    tokens,
    rate,
    readers,
    lag,
    bytes,
    entries,
    dialects,
    stopping: stopping === 1,
  };
}

export function loaded({ facts, rows }: Pick<ListPage, "facts" | "rows">): Runs {
  return apply(new Map(), { facts, rows, gone: [] });
}

/** Runs that nothing is said of stay the same objects. */
export function changed(runs: Runs, change: Omit<ListChange, "at">): Runs {
  return apply(new Map(runs), change);
}

function apply(runs: Map<number, Run>, { facts, rows, gone }: Omit<ListChange, "at">): Runs {
  const known = new Map(facts.map((one) => [one.n, one]));
  for (const row of rows) {
    const about = runs.get(row[0]) ?? known.get(row[0]);
    if (about) runs.set(row[0], runOf(about, row));
  }
  for (const n of gone) runs.delete(n);
  return runs;
}

export type Column =
  | "status"
  | "owner"
  | "model"
  | "firstTokenMs"
  | "tokens"
  | "rate"
  | "readers"
  | "lag"
  | "bytes"
  | "startedAt";

export interface View {
  /** Words that must all be found. */
  readonly search: string;
  readonly status: Status | "all";
  readonly column: Column;
  readonly descending: boolean;
}

export const FIRST_VIEW: View = { search: "", status: "all", column: "startedAt", descending: true };

export function shown(runs: Runs, { search, status, column, descending }: View): readonly Run[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...runs.values()].filter(
    (run) => (status === "all" || run.status === status) && (words.length === 0 || has(run, words)),
  );
  const sign = descending ? -1 : 1;
  // What is not known comes last either way, and of equals the newest first.
  return found.sort((a, b) => compare(a[column], b[column], sign) || b.n - a.n);
}

/** How many there are of each status. */
export function countByStatus(runs: Runs): Readonly<Record<Status | "all", number>> {
  const counts = { all: runs.size, running: 0, finished: 0, aborted: 0, failed: 0, unknown: 0 };
  for (const { status } of runs.values()) counts[status] += 1;
  return counts;
}

function has(run: Run, words: readonly string[]): boolean {
  const { id, owner, model, graph, threadId, requestId, code, status, dialects } = run;
  const text = [id, owner, model, graph, threadId, requestId, code, status, dialects].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function compare(a: string | number | null | undefined, b: string | number | null | undefined, sign: number): number {
  const aEmpty = a === null || a === undefined || a === "";
  const bEmpty = b === null || b === undefined || b === "";
  if (aEmpty || bEmpty) return Number(aEmpty) - Number(bEmpty);
  if (typeof a === "number" && typeof b === "number") return (a - b) * sign;
  return String(a).localeCompare(String(b)) * sign;
}
