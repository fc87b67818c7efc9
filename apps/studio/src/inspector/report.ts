import type { Mark, ReaderLine, RunReport, Series } from "./wire.ts";

/** A report with all that was told of a run, the changes included. */
export function merged(before: RunReport, change: RunReport): RunReport {
  return {
    row: change.row,
    series: joinSeries(before.series, change.series),
    gaps: change.gaps,
    marks: joinMarks(before.marks, change.marks),
    lease: change.lease,
    readers: { ...change.readers, lines: joinLines(before.readers.lines, change.readers) },
  };
}

function joinSeries(before: Series, change: Series): Series {
  const { from, stepMs } = change;
  if (from === 0 || stepMs !== before.stepMs) return { ...change, from: 0 };
  const join = (first: readonly number[], then: readonly number[]): readonly number[] => [
    ...first.slice(0, from),
    ...then,
  ];
  return {
    stepMs,
    from: 0,
    tokens: join(before.tokens, change.tokens),
    last: join(before.last, change.last),
    pauses: join(before.pauses, change.pauses),
  };
}

function joinMarks(before: RunReport["marks"], { from, list }: RunReport["marks"]): RunReport["marks"] {
  const kept: readonly Mark[] = before.list.slice(0, Math.max(0, from - before.from));
  return kept.length === 0 ? { from, list } : { from: before.from, list: [...kept, ...list] };
}

/** The gateway has a hundred at most: those it let go of are the oldest that are over. */
function joinLines(before: readonly ReaderLine[], change: RunReport["readers"]): readonly ReaderLine[] {
  const lines = new Map(before.map((line) => [line.line, line]));
  for (const line of change.lines) lines.set(line.line, line);
  const all = [...lines.values()].sort((a, b) => a.line - b.line);
  const over = all.length - MOST_LINES;
  if (over <= 0) return all;
  const gone = new Set(all.filter(({ stretches }) => stretches.at(-1)?.leftAt !== undefined).slice(0, over));
  return all.filter((line) => !gone.has(line));
}

const MOST_LINES = 100;

/**
 * When each entry was written, in milliseconds since the run began, for a replay. Logs keep no times: where the recorder
 * has seen them, they are those of its steps, and within a step at one pace; else all at one pace.
 */
export interface Times {
  readonly source: "recorded" | "even";
  readonly at: Float64Array;
  readonly totalMs: number;
}

const EVEN_MS = 25;

export function timesOf(entries: number, series: Series | undefined, totalMs: number | undefined): Times {
  const at = new Float64Array(entries);
  const steps = series?.last.length ?? 0;
  if (!series || steps === 0) {
    for (let index = 0; index < entries; index += 1) at[index] = index * EVEN_MS;
    return { source: "even", at, totalMs: entries * EVEN_MS };
  }
  const end = Math.max(totalMs ?? 0, steps * series.stepMs);
  let written = 0;
  for (let step = 0; step < steps; step += 1) {
    const last = Math.min(series.last[step] ?? written, entries);
    const count = last - written;
    for (let index = 1; index <= count; index += 1) {
      at[written + index - 1] = (step + index / (count + 1)) * series.stepMs;
    }
    written = Math.max(written, last);
  }
  // What follows the last content: the ends of parts, and the terminal.
  for (let index = written; index < entries; index += 1) at[index] = Math.max(end, at[written - 1] ?? 0);
  return { source: "recorded", at, totalMs: end };
}

/** How many entries are there at a moment. */
export function countAt(at: Float64Array, ms: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((at[middle] ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
