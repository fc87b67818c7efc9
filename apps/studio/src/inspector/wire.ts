/** What the gateway tells the inspector (PROTOCOL.md section 5, docs/inspector.md). Times are milliseconds. */

export type Status = "running" | "finished" | "aborted" | "failed" | "unknown";

/** What does not change about a run. */
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
  /** Produced by the process that tells. */
  readonly here: boolean;
}

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

export interface ListPage {
  readonly node: NodeFacts;
  /** Where the events go on. */
  readonly place: string;
  readonly at: number;
  readonly facts: readonly RunFacts[];
  readonly rows: readonly RunRow[];
  readonly next?: number;
}

export interface ListChange {
  readonly at: number;
  readonly facts: readonly RunFacts[];
  readonly rows: readonly RunRow[];
  readonly gone: readonly number[];
}

/** Of one run in the store, without its content. */
export interface StoredRun {
  readonly id: string;
  readonly owner: string;
  readonly status: Status;
  readonly requestId?: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
  readonly closedAt?: number;
  readonly entries: number;
  readonly bytes: number;
  readonly stopRequested: boolean;
  readonly finishReason?: string;
  readonly firstTokenMs?: number;
  readonly usage?: Readonly<Record<string, number>>;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface StoredPage {
  readonly stored: readonly StoredRun[];
  readonly next?: string;
}

export interface Series {
  readonly stepMs: number;
  /** The first steps are there already. */
  readonly from: number;
  readonly tokens: readonly number[];
  readonly last: readonly number[];
  readonly pauses: readonly number[];
}

export interface Mark {
  readonly ms: number;
  readonly kind: "lease-taken" | "lease-lost" | "stop-asked" | "stop-reached" | "merged" | "reaped";
  readonly code?: string;
  readonly entries?: number;
  readonly frames?: number;
}

export interface Stretch {
  readonly joinedAt: number;
  readonly after: number;
  readonly leftAt?: number;
  readonly code?: string;
  readonly at?: number;
  readonly bytes: number;
  readonly merged?: number;
  readonly mergedInto?: number;
}

export interface ReaderLine {
  readonly line: number;
  readonly dialect: string;
  readonly compressed: boolean;
  readonly stretches: readonly Stretch[];
}

export interface RunReport {
  readonly row: RunRow;
  readonly series: Series;
  readonly gaps: readonly number[];
  readonly marks: { readonly from: number; readonly list: readonly Mark[] };
  readonly lease: { readonly renewals: number; readonly renewedAt: readonly number[]; readonly longestMs: number };
  readonly readers: { readonly joined: number; readonly hidden: number; readonly lines: readonly ReaderLine[] };
}

export interface RunAnswer {
  readonly node: NodeFacts;
  readonly at: number;
  readonly facts?: RunFacts;
  readonly place?: string;
  readonly report?: RunReport;
  readonly stored?: StoredRun;
}

export type RunChange = RunReport & { readonly at: number };

export interface EntriesPage {
  /** Number and text of each entry, as the log has it. */
  readonly entries: readonly (readonly [n: number, text: string])[];
  readonly end: boolean;
}

export type TotalsSample = readonly [
  at: number,
  tokensPerSecond: number,
  runs: number,
  readers: number,
  load: number,
  residentBytes: number,
  heapBytes: number,
  refusals: number,
];

export interface TotalsPage {
  readonly everyMs: number;
  readonly samples: readonly TotalsSample[];
}

/** To who is not let in it says only whether a key would help. */
export type SessionAnswer = Session | { readonly keyIsSet: boolean };

export interface Session {
  readonly by: string;
  readonly node: NodeFacts;
}

/** Who tells all this: one process. */
export interface NodeFacts {
  readonly name: string;
  readonly store: string;
  /** Who answers where a request names no model. */
  readonly model: string;
  readonly startedAt: number;
}
