import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { closed, fenced, leaseHeld, noSuchPage, notFound, released } from "./refusals.ts";
import { MemoryTail } from "./memory-tail.ts";
import { byteLength, checkAppend, checkClose, checkLimits, lastOf, takeSlice } from "./rules.ts";
import type {
  AppendAt,
  Appended,
  CloseAt,
  CreateLog,
  Created,
  Lease,
  LeaseRequest,
  ListLogs,
  LogPage,
  LogSlice,
  LogState,
  LogStore,
  ReadLog,
  TailLog,
} from "./types.ts";

export interface MemoryLogOptions {
  readonly clock?: Clock;
}

/**
 * Logs in this process's memory: the plainest store, and the one to read first. Its durability is the process. An
 * expired log is gone for every reader at once; its memory is given back when logs are created later.
 */
export function createMemoryLog(options: MemoryLogOptions = {}): LogStore {
  return new MemoryLog(options.clock ?? systemClock);
}

// One log. `entries[0]` has sequence number `dropped + 1`.
interface Log {
  readonly id: string;
  readonly options: CreateLog;
  readonly createdAt: number;
  /** Place in the order of creation, for lists. */
  readonly place: number;
  readonly entries: string[];
  dropped: number;
  bytes: number;
  fence: number;
  lease: { holder: string; expiresAt: number };
  stopRequested: boolean;
  closed: { at: number; summary: CloseAt["summary"] } | undefined;
  /** Those who wait for entries. Called, and forgotten, at the next append. */
  readers: Set<() => void>;
  /** The producer, who waits for a stop and need not be told of every append. */
  watchers: Set<() => void>;
}

// Bounds the work that one create spends on clearing expired logs away.
const SWEEP_STEP = 16;

class MemoryLog implements LogStore {
  readonly reach = "process";
  readonly #clock: Clock;
  readonly #logs = new Map<string, Log>();
  readonly #claims = new Map<string, string>();
  /** An owner's logs in the order of their places. */
  readonly #owners = new Map<string, Log[]>();
  /** Ids in the order in which they were closed. */
  readonly #closed = new Set<string>();
  #places = 0;
  #released = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async create(id: string, options: CreateLog): Promise<Created> {
    this.#throwIfReleased();
    this.#sweep();
    const holder = options.claim && this.#claimed(options.owner, options.claim.key);
    if (holder) return { created: false, state: stateOf(holder), fence: holder.fence };
    if (this.#live(id)) throw new SluiceError("log/exists", `There is a log ${id} already.`);
    const now = this.#clock.now();
    const log: Log = {
      id,
      options,
      createdAt: now,
      place: ++this.#places,
      entries: [],
      dropped: 0,
      bytes: 0,
      fence: 1,
      lease: { holder: options.lease?.holder ?? "", expiresAt: now + (options.lease?.ttlMs ?? Infinity) },
      stopRequested: false,
      closed: undefined,
      readers: new Set(),
      watchers: new Set(),
    };
    this.#logs.set(id, log);
    if (options.claim) this.#claims.set(claimKey(options.owner, options.claim.key), id);
    const owned = this.#owners.get(options.owner);
    if (owned) owned.push(log);
    else this.#owners.set(options.owner, [log]);
    return { created: true, state: stateOf(log), fence: log.fence };
  }

  async append(id: string, entries: readonly string[], at: AppendAt): Promise<Appended> {
    const log = this.#open(id);
    if (checkAppend(log, entries, at) === "repeated") return { last: at.expected + entries.length };
    const bytes = byteLength(entries);
    checkLimits(log.options.limits, { bytes: log.bytes + bytes, entries: lastOf(log) + entries.length });
    push(log, entries, bytes);
    wakeReaders(log);
    return { last: lastOf(log) };
  }

  async close(id: string, entries: readonly string[], at: CloseAt): Promise<Appended> {
    const log = this.#open(id);
    if (checkClose(log, entries, at) === "repeated") return { last: lastOf(log) };
    push(log, entries, byteLength(entries));
    log.closed = { at: this.#clock.now(), summary: at.summary };
    this.#closed.add(id);
    wakeAll(log);
    return { last: lastOf(log) };
  }

  async read(id: string, options: ReadLog): Promise<LogSlice> {
    return takeSlice(this.#open(id), options);
  }

  tail(id: string, options: TailLog): AsyncIterable<LogSlice> {
    return {
      [Symbol.asyncIterator]: () => new MemoryTail(() => (this.#released ? undefined : this.#open(id)), options),
    };
  }

  async state(id: string): Promise<LogState | undefined> {
    const log = this.#live(id);
    return log && stateOf(log);
  }

  async find(owner: string, key: string): Promise<LogState | undefined> {
    const log = this.#claimed(owner, key);
    return log && stateOf(log);
  }

  async list(options: ListLogs): Promise<LogPage> {
    const before = options.before === undefined ? Number.POSITIVE_INFINITY : Number(options.before);
    if (Number.isNaN(before)) throw noSuchPage();
    const owned = this.#owners.get(options.owner) ?? [];
    const logs: LogState[] = [];
    let next: number | undefined;
    // Downwards: one that has expired is taken out of the list on the way.
    for (let index = placeAmong(owned, before) - 1; index >= 0; index -= 1) {
      const log = owned[index];
      if (!log || !this.#live(log.id)) continue;
      if (logs.length === options.limit) return { logs, ...(next === undefined ? {} : { next: String(next) }) };
      logs.push(stateOf(log));
      next = log.place;
    }
    return { logs };
  }

  async requestStop(id: string): Promise<LogState> {
    const log = this.#open(id);
    if (!log.closed && !log.stopRequested) {
      log.stopRequested = true;
      wakeAll(log);
    }
    return stateOf(log);
  }

  async stopRequested(id: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const log = this.#live(id);
      if (!log || log.stopRequested || log.closed) return;
      await woken(log.watchers, signal);
    }
  }

  async lease(id: string, request: LeaseRequest): Promise<Lease> {
    const log = this.#open(id);
    if (log.closed) throw closed();
    const now = this.#clock.now();
    if (request.fence !== undefined && request.fence !== log.fence) throw fenced(log.fence);
    if (log.lease.holder !== request.holder) {
      if (log.lease.expiresAt > now) throw leaseHeld();
      log.fence += 1;
    }
    log.lease = { holder: request.holder, expiresAt: now + request.ttlMs };
    return { fence: log.fence, expiresAt: log.lease.expiresAt };
  }

  async lapsed(limit: number): Promise<readonly string[]> {
    const now = this.#clock.now();
    const ids: string[] = [];
    for (const log of this.#logs.values()) {
      if (ids.length >= limit) break;
      if (!log.closed && log.lease.expiresAt <= now) ids.push(log.id);
    }
    return ids;
  }

  async delete(id: string): Promise<boolean> {
    const log = this.#live(id);
    if (log) this.#remove(log);
    return log !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#released = true;
    for (const log of this.#logs.values()) wakeAll(log);
  }

  #throwIfReleased(): void {
    if (this.#released) throw released();
  }

  #open(id: string): Log {
    this.#throwIfReleased();
    const log = this.#live(id);
    if (!log) throw notFound(id);
    return log;
  }

  #live(id: string): Log | undefined {
    const log = this.#logs.get(id);
    if (!log || !this.#expired(log)) return log;
    this.#remove(log);
    return undefined;
  }

  #claimed(owner: string, key: string): Log | undefined {
    const id = this.#claims.get(claimKey(owner, key));
    return id === undefined ? undefined : this.#live(id);
  }

  #expired(log: Log): boolean {
    return log.closed !== undefined && log.closed.at + log.options.ttlMs <= this.#clock.now();
  }

  #remove(log: Log): void {
    this.#logs.delete(log.id);
    this.#closed.delete(log.id);
    const { owner, claim } = log.options;
    if (claim) this.#claims.delete(claimKey(owner, claim.key));
    const owned = this.#owners.get(owner) ?? [];
    owned.splice(placeAmong(owned, log.place), 1);
    if (owned.length === 0) this.#owners.delete(owner);
    wakeAll(log);
  }

  // Logs expire about in the order in which they were closed, so the oldest few are looked at.
  #sweep(): void {
    let left = SWEEP_STEP;
    for (const id of this.#closed) {
      const log = this.#logs.get(id);
      if (left-- === 0 || (log && !this.#expired(log))) return;
      if (log) this.#remove(log);
    }
  }
}

/** Where the log with this place is among its owner's, or would be. */
function placeAmong(owned: readonly Log[], place: number): number {
  let [from, to] = [0, owned.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((owned[middle]?.place ?? place) < place) from = middle + 1;
    else to = middle;
  }
  return from;
}

function push(log: Log, entries: readonly string[], bytes: number): void {
  for (const entry of entries) log.entries.push(entry);
  log.bytes += bytes;
  const { keepLast } = log.options;
  if (keepLast === undefined || log.entries.length <= keepLast) return;
  const gone = log.entries.splice(0, log.entries.length - keepLast);
  log.dropped += gone.length;
  log.bytes -= byteLength(gone);
}

function wakeReaders(log: Log): void {
  const waiting = log.readers;
  log.readers = new Set();
  for (const resolve of waiting) resolve();
}

/** For everything but an append. */
function wakeAll(log: Log): void {
  wakeReaders(log);
  const waiting = log.watchers;
  log.watchers = new Set();
  for (const resolve of waiting) resolve();
}

function woken(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener("abort", done);
      waiting.delete(done);
      resolve();
    };
    waiting.add(done);
    signal.addEventListener("abort", done, { once: true });
  });
}

function claimKey(owner: string, key: string): string {
  return JSON.stringify([owner, key]);
}

function stateOf(log: Log): LogState {
  const { owner, meta, claim } = log.options;
  return {
    id: log.id,
    owner,
    meta,
    ...(claim ? { claim } : {}),
    createdAt: log.createdAt,
    first: log.dropped + 1,
    last: lastOf(log),
    bytes: log.bytes,
    stopRequested: log.stopRequested,
    ...(log.closed ? { closedAt: log.closed.at } : {}),
    ...(log.closed?.summary ? { summary: log.closed.summary } : {}),
  };
}
