import type { SeenProgress, SeenReader, SeenRun } from "sluice/http";
import { ReaderLines, type ReaderLine, type Stretch } from "./inspector-readers.ts";
import { TokenSeries, type Series } from "./inspector-series.ts";

export type Status = "running" | "finished" | "aborted" | "failed" | "unknown";

/** What does not change about a run. Callers choose the texts: they are cut. */
export interface RunFacts {
  /** The number of its recording on this node. */
  readonly n: number;
  readonly id: string;
  readonly owner: string;
  readonly model?: string;
  readonly graph?: string;
  readonly threadId?: string;
  readonly requestId?: string;
  readonly startedAt: number;
  /** Produced by this node. */
  readonly here: boolean;
}

/** What changes, in the order of `STATE_FIELDS`; null for what this node does not know. */
export type RunRow = readonly [
  n: number,
  status: Status,
  code: string,
  endedAt: number | null,
  firstTokenMs: number | null,
  tokens: number | null,
  rate: number | null,
  readers: number,
  lag: number | null,
  bytes: number | null,
  entries: number | null,
  dialects: string,
  stopping: 0 | 1,
];

/** What happened at a moment, in milliseconds since the run began. */
export interface Mark {
  readonly ms: number;
  readonly kind: "lease-taken" | "lease-lost" | "stop-asked" | "stop-reached" | "merged" | "reaped";
  readonly code?: string;
  entries?: number;
  frames?: number;
}

export interface RunReport {
  readonly row: RunRow;
  readonly series: Series & { readonly from: number };
  readonly gaps: readonly number[];
  /** `from` is the number of the first mark in the list; the first marks of all may be gone. */
  readonly marks: { readonly from: number; readonly list: readonly Mark[] };
  readonly lease: { readonly renewals: number; readonly renewedAt: readonly number[]; readonly longestMs: number };
  readonly readers: { readonly joined: number; readonly hidden: number; readonly lines: readonly ReaderLine[] };
}

/** How far a report has come, for the next one to go on from. */
export interface ReportPlace {
  readonly stepMs: number;
  readonly steps: number;
  readonly marks: number;
  readonly renewals: number;
  readonly readers: number;
}

export const FROM_THE_START: ReportPlace = { stepMs: 0, steps: 0, marks: 0, renewals: 0, readers: -1 };

interface Size {
  readonly entries: number;
  readonly bytes: number;
}

const MOST_MARKS = 2_000;
const MOST_RENEWALS = 128;
const MERGES_WITHIN_MS = 1_000;
const RATE_MS = 1_000;
// A run that writes every two seconds is not to be at 0 and at 1 in turn.
const RATE_FADES_MS = 3_000;
const LONGEST_TEXT = 120;

/** One run as this node has seen it. Of bounded size, whatever the run's. */
export class Recording {
  readonly facts: RunFacts;
  readonly readers: ReaderLines = new ReaderLines();
  status: Status;
  code = "";
  endedAt: number | undefined;
  firstTokenMs: number | undefined;
  /** What was told of it last to those who watch the list. */
  told: RunRow | undefined;
  readonly #series = new TokenSeries();
  readonly #now: () => number;
  #progress: SeenProgress | undefined;
  #size: Size | undefined;
  #tokens = 0;
  #marks: Mark[] = [];
  #marksDropped = 0;
  #stopping = false;
  #renewals = 0;
  #renewedAt: number[] = [];
  #renewed: number | undefined;
  #longestLease = 0;
  #rateAt = 0;
  #rateTokens = 0;
  #rate: number | undefined;

  constructor(n: number, run: SeenRun, now: () => number, progress?: SeenProgress) {
    const here = progress !== undefined;
    this.facts = factsOf(n, run, here);
    this.#now = now;
    this.#progress = progress;
    this.status = here ? "running" : "unknown";
    if (here) this.mark({ kind: "lease-taken" });
    if (here) this.#renewed = 0;
  }

  get here(): boolean {
    return this.facts.here;
  }

  get over(): boolean {
    return this.status !== "running" && this.status !== "unknown";
  }

  get tokens(): number {
    return this.#tokens;
  }

  content(count: number, last: number): void {
    const ms = this.#ms();
    this.firstTokenMs ??= ms;
    this.#tokens += count;
    this.#series.add(ms, count, last);
  }

  mark(mark: Omit<Mark, "ms">): void {
    if (this.#marks.length >= MOST_MARKS) {
      this.#marks.shift();
      this.#marksDropped += 1;
    }
    this.#marks.push({ ms: this.#ms(), ...mark });
  }

  /** Merges come in rows: those of one second are one mark. */
  merged(entries: number, frames: number, stretch?: Stretch): void {
    if (stretch) {
      stretch.merged = (stretch.merged ?? 0) + entries;
      stretch.mergedInto = (stretch.mergedInto ?? 0) + frames;
    }
    const before = this.#marks.at(-1);
    if (before?.kind === "merged" && this.#ms() - before.ms < MERGES_WITHIN_MS) {
      before.entries = (before.entries ?? 0) + entries;
      before.frames = (before.frames ?? 0) + frames;
    } else this.mark({ kind: "merged", entries, frames });
  }

  stopping(kind: "stop-asked" | "stop-reached"): void {
    this.#stopping = true;
    this.mark({ kind });
  }

  leaseRenewed(): void {
    const ms = this.#ms();
    this.#longestLease = Math.max(this.#longestLease, ms - (this.#renewed ?? ms));
    this.#renewed = ms;
    this.#renewals += 1;
    this.#renewedAt.push(ms);
    // Every other one: they come at one pace.
    if (this.#renewedAt.length > MOST_RENEWALS) this.#renewedAt = this.#renewedAt.filter((_ms, index) => index % 2 > 0);
  }

  join(reader: SeenReader): Stretch | undefined {
    return this.readers.join(reader, this.#ms());
  }

  leave(reader: SeenReader, stretch: Stretch | undefined, code: string): void {
    this.readers.leave(reader, stretch, this.#ms(), code);
  }

  end(status: Exclude<Status, "running" | "unknown">, code: string): void {
    this.status = status;
    this.code = code;
    this.endedAt = this.#now();
    const taken = this.#progress?.taken;
    // The terminal is one more, whose size nobody has told.
    if (taken) this.#size = { entries: taken.events + 1, bytes: taken.bytes };
    this.#progress = undefined;
  }

  /** For a run that is produced elsewhere: what the store knows. */
  learn(known: {
    readonly status: Status;
    readonly code: string;
    readonly endedAt: number | undefined;
    readonly firstTokenMs: number | undefined;
    readonly entries: number;
    readonly bytes: number;
    readonly stopping: boolean;
  }): void {
    this.status = known.status;
    this.code = known.code;
    this.endedAt = known.endedAt;
    this.firstTokenMs = known.firstTokenMs;
    this.#stopping = known.stopping;
    this.#size = { entries: known.entries, bytes: known.bytes };
  }

  row(): RunRow {
    const { here } = this;
    const size = this.#measured();
    return [
      this.facts.n,
      this.status,
      this.code,
      this.endedAt ?? null,
      this.firstTokenMs ?? null,
      here ? this.#tokens : null,
      here ? this.#tokensPerSecond() : null,
      this.readers.open.size,
      this.#lag(size?.entries) ?? null,
      size?.bytes ?? null,
      size?.entries ?? null,
      [...this.readers.dialects].join(" "),
      this.#stopping ? 1 : 0,
    ];
  }

  /** What is new since a place. */
  report(since: ReportPlace): RunReport {
    const { stepMs, tokens, last, pauses } = this.#series;
    // The newest step may have changed, and all have when they became longer.
    const from = stepMs === since.stepMs ? Math.max(0, since.steps - 1) : 0;
    const firstMark = Math.max(this.#marksDropped, since.marks - 1, 0);
    return {
      row: this.row(),
      series: { stepMs, from, tokens: tokens.slice(from), last: last.slice(from), pauses: pauses.slice(from) },
      gaps: [...this.#series.gaps],
      marks: { from: firstMark, list: this.#marks.slice(firstMark - this.#marksDropped).map((mark) => ({ ...mark })) },
      lease: { renewals: this.#renewals, renewedAt: [...this.#renewedAt], longestMs: this.#longestLease },
      readers: {
        joined: this.readers.joined,
        hidden: this.readers.hidden,
        lines: this.readers.linesSince(since.readers),
      },
    };
  }

  get place(): ReportPlace {
    const { stepMs, tokens } = this.#series;
    const marks = this.#marksDropped + this.#marks.length;
    return { stepMs, steps: tokens.length, marks, renewals: this.#renewals, readers: this.readers.version };
  }

  #measured(): Size | undefined {
    const taken = this.#progress?.taken;
    return taken ? { entries: taken.events, bytes: taken.bytes } : this.#size;
  }

  #ms(): number {
    return Math.max(0, this.#now() - this.facts.startedAt);
  }

  #tokensPerSecond(): number | null {
    if (this.firstTokenMs === undefined) return null;
    if (this.endedAt !== undefined) {
      const ms = this.endedAt - this.facts.startedAt - this.firstTokenMs;
      return perSecond(this.#tokens, Math.max(1, ms));
    }
    const ms = this.#ms();
    if (ms - this.#rateAt >= RATE_MS) {
      const passed = ms - Math.max(this.#rateAt, this.firstTokenMs);
      const now = perSecond(this.#tokens - this.#rateTokens, passed);
      const weight = this.#rate === undefined ? 1 : 1 - Math.exp(-passed / RATE_FADES_MS);
      this.#rate = (this.#rate ?? 0) + (now - (this.#rate ?? 0)) * weight;
      this.#rateAt = ms;
      this.#rateTokens = this.#tokens;
    }
    return this.#rate === undefined ? null : Math.round(this.#rate * 10) / 10;
  }

  // Of the reader who is furthest back.
  #lag(entries: number | undefined): number | undefined {
    if (entries === undefined || this.readers.open.size === 0) return undefined;
    let least = entries;
    for (const { at } of this.readers.open) if (at !== undefined && at < least) least = at;
    return entries - least;
  }
}

function perSecond(count: number, ms: number): number {
  return Math.round((count * 10_000) / Math.max(1, ms)) / 10;
}

function factsOf(n: number, { id, owner, meta, requestId, createdAt }: SeenRun, here: boolean): RunFacts {
  const texts = { model: meta["model"], graph: meta["graphType"], threadId: meta["threadId"], requestId };
  return {
    n,
    id,
    owner: cut(owner),
    ...Object.fromEntries(
      Object.entries(texts).flatMap(([name, value]) => (typeof value === "string" ? [[name, cut(value)]] : [])),
    ),
    startedAt: createdAt,
    here,
  };
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
}
