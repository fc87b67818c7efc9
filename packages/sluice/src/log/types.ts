import type { JsonObject } from "../base/json.ts";

/**
 * A store of append-only logs. Every implementation passes the same contract cases (`sluice/testing`, log-cases).
 *
 * Sequence numbers start at 1 and have no holes. Reading is always *after* a sequence number; 0 is before the first
 * entry. An entry is a text (JSON, as the run wrote it). What `append` or `close` has acknowledged is never lost,
 * repeated or reordered (promises 1 and 2), within what the store calls durable; beyond that a loss is told, never hidden.
 */
export interface LogStore {
  /** Who else meets these logs: nobody, the next process on this machine, or other processes at the same time. */
  readonly reach: "process" | "machine" | "cluster";

  /**
   * Makes an empty, open log held by `lease.holder`. With a `claim` already taken by the same owner nothing is made,
   * and the log that has it is returned instead: of any number of calls at the same instant, one creates.
   * @throws SluiceError `log/exists`
   */
  create(id: string, options: CreateLog): Promise<Created>;

  /**
   * Adds entries, all or none, in one step.
   * The log must end at `at.expected`. A repeated call (same fence, same `expected`, same entries) is stored once and
   * answered as the first time; anything else in its place fails.
   * @throws SluiceError `log/not-found`, `log/closed`, `log/fenced`, `log/conflict`, `log/max-bytes`, `log/max-entries`;
   * `log/rewound` with details `{last}` where a store lost entries that it had acknowledged: only `close` at `last` may
   * follow
   */
  append(id: string, entries: readonly string[], at: AppendAt): Promise<Appended>;

  /**
   * The last append: adds entries, of which the last is the terminal, and closes the log in the same step. Limits do
   * not apply. A repeated call is answered as the first time.
   * @throws SluiceError `log/not-found`, `log/closed`, `log/fenced`, `log/conflict`; `log/rewound` as `append`
   */
  close(id: string, entries: readonly string[], at: CloseAt): Promise<Appended>;

  /**
   * What is there now after `after`; empty when there is nothing. At least one entry when there is one, then as many
   * as fit the limits.
   * @throws SluiceError `log/not-found`; `log/gap` with details `{first}`; `offset/beyond-end`; `log/rewound` when what
   * comes before `after` may have been lost, and other entries be in its place
   */
  read(id: string, options: ReadLog): Promise<LogSlice>;

  /**
   * Slices from `after` on, without end until the log is closed and delivered, or the signal fires (then it returns).
   * It pulls: nothing is read before `next()` is called, and nothing is queued for a reader that does not call it.
   * @throws as `read`; also `log/not-found` when the log is deleted under a reader
   */
  tail(id: string, options: TailLog): AsyncIterable<LogSlice>;

  /** undefined for a log that never was, is deleted or has expired. */
  state(id: string): Promise<LogState | undefined>;

  /** The log that holds this claim. */
  find(owner: string, key: string): Promise<LogState | undefined>;

  /** An owner's logs, newest first. `before` is a `next` of an earlier page. */
  list(options: ListLogs): Promise<LogPage>;

  /** Asks the producer to stop. Idempotent; does nothing to a closed log. @throws SluiceError `log/not-found` */
  requestStop(id: string): Promise<LogState>;

  /** Resolves when a stop is requested, or the log is closed or deleted, or the signal fires. */
  stopRequested(id: string, signal: AbortSignal): Promise<void>;

  /**
   * Takes or renews the right to append, for `ttlMs`. A new holder gets a higher fence, and every append with a lower
   * one fails from then on.
   * @throws SluiceError `log/lease-held` while another holder's lease runs; `log/fenced` for a renewal that comes too
   * late; `log/not-found`; `log/closed`
   */
  lease(id: string, request: LeaseRequest): Promise<Lease>;

  /** Open logs whose lease has lapsed; never one that was made without. */
  lapsed(limit: number): Promise<readonly string[]>;

  /** Removes the log and its claim; readers that are in it get `log/not-found`. False when there was none. */
  delete(id: string): Promise<boolean>;

  /** Lets go of files, connections and timers. Open tails return. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CreateLog {
  readonly owner: string;
  readonly meta: JsonObject;
  /** How long the log is kept after its close. */
  readonly ttlMs: number;
  /** Who appends, and for how long at first. Absent: everybody may, with the first fence, and nothing ever lapses. */
  readonly lease?: LeaseRequest;
  /** An idempotency key of the owner, and the hash of what was asked. Lives as long as the log. */
  readonly claim?: Claim;
  readonly limits?: LogLimits;
  /** A short log (topics): only the newest entries are kept, and a reader further back gets `log/gap`. */
  readonly keepLast?: number;
}

export interface Claim {
  readonly key: string;
  readonly hash: string;
}

export interface LogLimits {
  /** UTF-8 bytes of all entries together. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface LeaseRequest {
  readonly holder: string;
  readonly ttlMs: number;
  /** Renews only: fails with `log/fenced` once another has held the lease, also when that one's has lapsed. */
  readonly fence?: number;
}

export interface Lease {
  /** Rises with every new holder. An append states it. */
  readonly fence: number;
  readonly expiresAt: number;
}

export interface Created {
  /** False when the claim was taken already; `state` is then the log that has it. */
  readonly created: boolean;
  readonly state: LogState;
  readonly fence: number;
}

export interface AppendAt {
  /** The sequence number that the first entry is to follow. */
  readonly expected: number;
  readonly fence: number;
}

export interface CloseAt extends AppendAt {
  /** What lists show of a closed log without reading it: status, usage, timings. */
  readonly summary?: JsonObject;
}

export interface Appended {
  /** Sequence number of the last entry added. */
  readonly last: number;
}

export interface ReadLog {
  readonly after: number;
  /** Default 1,024. */
  readonly maxEntries?: number;
  /** Characters of all entries together, passed only by a single larger entry. Default 65,536. */
  readonly maxLength?: number;
}

export interface TailLog extends ReadLog {
  readonly signal: AbortSignal;
}

/** Entry `entries[i]` has sequence number `after + 1 + i`. */
export interface LogSlice {
  readonly after: number;
  readonly entries: readonly string[];
  /** Nothing comes after these entries: the log is closed and this slice reaches its end. */
  readonly end: boolean;
}

export interface LogState {
  readonly id: string;
  readonly owner: string;
  readonly meta: JsonObject;
  readonly claim?: Claim;
  readonly createdAt: number;
  /** Sequence number of the first entry kept; `last + 1` while there is none. */
  readonly first: number;
  /** Sequence number of the last entry; 0 while there is none. */
  readonly last: number;
  /** UTF-8 bytes of the entries kept. */
  readonly bytes: number;
  readonly stopRequested: boolean;
  readonly closedAt?: number;
  readonly summary?: JsonObject;
}

export interface ListLogs {
  readonly owner: string;
  readonly limit: number;
  readonly before?: string;
}

export interface LogPage {
  readonly logs: readonly LogState[];
  /** Where the next page starts; absent on the last one. */
  readonly next?: string;
}
