import type { Clock } from "../../base/clock.ts";
import { SluiceError } from "../../base/errors.ts";
import { closed, fenced, leaseHeld, noSuchPage, notFound } from "../refusals.ts";
import { byteLength, checkAppend, checkClose, checkLimits, takeSlice } from "../rules.ts";
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
  ReadLog,
} from "../types.ts";
import type { Database } from "./database.ts";
import { entriesAfter, heldForAppend, heldForRead } from "./entries.ts";
import { Heads, stateOf, type Head } from "./heads.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import {
  PRESENT,
  blockKey,
  encodeBlock,
  encodeRecord,
  hash,
  key,
  lastNumber,
  number48,
  pack,
  type LogRecord,
} from "./layout.ts";

// A millisecond's work.
const FLUSH_LENGTH = 64 * 1024;

/**
 * The contract of a store on one database and one journal. What changes a log checks before it writes, so that one that
 * throws has changed nothing; it runs inside a transaction, except `append`, which writes to the journal only. Reading
 * is done at any time.
 */
export class Logs {
  readonly heads: Heads;
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** Logs that may have entries in the journal only. */
  #unflushed = new Set<string>();
  #unflushedLength = 0;
  #refused: SluiceError | undefined;
  #number: number;

  constructor(db: Database, journal: Journal, clock: Clock) {
    this.heads = new Heads(db);
    this.#db = db;
    this.#journal = journal;
    this.#clock = clock;
    this.#number = Math.max(newest(db, "r"), newest(db, "d"));
  }

  /** Characters that were added since `unflushed` was called: they are kept in memory. */
  get unflushedLength(): number {
    return this.#unflushedLength;
  }

  create(id: string, options: CreateLog): Created {
    const { lease, ...rest } = options;
    const claim = options.claim && key("c", hash(options.owner, options.claim.key));
    const holder = claim && this.#indexed(claim);
    if (holder && !this.#expired(holder)) {
      return { created: false, state: stateOf(holder), fence: holder.record.fence };
    }
    const namesake = this.heads.get(id);
    if (namesake && !this.#expired(namesake)) throw new SluiceError("log/exists", `There is a log ${id} already.`);
    if (holder) this.remove(holder);
    if (namesake && namesake.number !== holder?.number) this.remove(namesake);
    const now = this.#clock.now();
    const record: LogRecord = {
      id,
      ...rest,
      createdAt: now,
      fence: 1,
      ...(lease ? { lease: leaseFrom(now, lease) } : {}),
      stopRequested: false,
    };
    const head: Head = { number: ++this.#number, record, first: 1, last: 0, bytes: 0, stored: 0, pending: [] };
    const number = number48(head.number);
    this.#db.put(key("i", hash(id)), number);
    this.#db.put(key("o", hash(record.owner), number), PRESENT);
    if (record.lease) this.#db.put(key("l", record.lease.expiresAt, number), PRESENT);
    if (claim) this.#db.put(claim, number);
    this.#write(undefined, head);
    return { created: true, state: stateOf(head), fence: record.fence };
  }

  append(id: string, entries: readonly string[], at: AppendAt): Appended {
    const head = this.#open(id);
    if (checkAppend(heldForAppend(this.#db, head, entries.length, at), entries, at) === "repeated") {
      return { last: at.expected + entries.length };
    }
    const bytes = byteLength(entries);
    checkLimits(head.record.limits, { bytes: head.bytes + bytes, entries: head.last + entries.length });
    if (this.#refused) throw this.#refused;
    this.#journal.add({ log: head.number, after: head.last, entries });
    return { last: this.#add(head, entries, bytes).last };
  }

  close(id: string, entries: readonly string[], at: CloseAt): Appended {
    const head = this.#open(id);
    if (checkClose(heldForAppend(this.#db, head, entries.length, at), entries, at) === "repeated") {
      return { last: head.last };
    }
    const { number, record, ...rest } = this.#flush(this.#add(head, entries, byteLength(entries)));
    const { first, last, bytes } = rest;
    const now = this.#clock.now();
    const closed = { at: now, ...(at.summary ? { summary: at.summary } : {}), extent: { first, last, bytes } };
    if (record.lease) this.#db.remove(key("l", record.lease.expiresAt, number));
    this.#db.put(key("x", now + record.ttlMs, number), PRESENT);
    if (head.stored > 0) this.#db.put(key("z", number), number48(0));
    this.#write(head, { number, record: { ...record, closed }, ...rest });
    return { last };
  }

  requestStop(id: string): LogState {
    const head = this.#open(id);
    if (head.record.closed || head.record.stopRequested) return stateOf(head);
    const stopped = { ...head, record: { ...head.record, stopRequested: true } };
    this.#write(head, stopped);
    return stateOf(stopped);
  }

  lease(id: string, request: LeaseRequest): Lease {
    const head = this.#open(id);
    const { record } = head;
    if (record.closed) throw closed();
    if (request.fence !== undefined && request.fence !== record.fence) throw fenced(record.fence);
    const now = this.#clock.now();
    const other = record.lease?.holder !== request.holder;
    if (other && !(record.lease && record.lease.expiresAt <= now)) throw leaseHeld();
    const fence = other ? record.fence + 1 : record.fence;
    const lease = leaseFrom(now, request);
    this.#setLease(head, { ...record, fence, lease });
    return { fence, expiresAt: lease.expiresAt };
  }

  /**
   * Nobody was given a lease in the future: where the machine's time was set back since, one lasts as long as if it were
   * given now. Otherwise the answers of a producer that died would be open for as much longer.
   */
  shortenLeases(): void {
    const now = this.#clock.now();
    const running = [...this.#db.keys({ from: key("l", now), to: key("m") })];
    for (const found of running) {
      const { id } = this.heads.stored(lastNumber(found))?.record ?? {};
      const head = id === undefined ? undefined : this.heads.get(id);
      if (!head?.record.lease) continue;
      const lease = leaseFrom(now, head.record.lease);
      if (lease.expiresAt < head.record.lease.expiresAt) this.#setLease(head, { ...head.record, lease });
    }
  }

  delete(id: string): boolean {
    const head = this.heads.get(id);
    if (!head || this.#expired(head)) return false;
    this.remove(head);
    return true;
  }

  /** Makes a log unknown. Its blocks are removed later, in steps (upkeep.ts). */
  remove(head: Head): void {
    const { number, record } = head;
    const { id, owner, claim, closed, lease } = record;
    this.#db.remove(key("i", hash(id)));
    this.#db.remove(key("r", number));
    this.#db.remove(key("o", hash(owner), number));
    if (claim) this.#db.remove(key("c", hash(owner, claim.key)));
    if (closed) {
      this.#db.remove(key("x", closed.at + record.ttlMs, number));
      this.#db.remove(key("z", number));
    } else if (lease) {
      this.#db.remove(key("l", lease.expiresAt, number));
    }
    this.#db.put(key("d", number), PRESENT);
    this.heads.remove(head);
  }

  /** @throws SluiceError `log/not-found`, `log/gap`, `offset/beyond-end` */
  read(id: string, options: ReadLog): LogSlice {
    const head = this.#seen(id);
    if (!head) throw notFound(id);
    return takeSlice(heldForRead(this.#db, head, options), options);
  }

  state(id: string): LogState | undefined {
    const head = this.#seen(id);
    return head && stateOf(head);
  }

  find(owner: string, claim: string): LogState | undefined {
    const number = this.#db.get(key("c", hash(owner, claim)));
    const head = number && this.#seenNumber(lastNumber(number));
    return head && stateOf(head);
  }

  list({ owner, limit, before }: ListLogs): LogPage {
    const place = before === undefined ? this.#number + 1 : Number(before);
    if (!Number.isSafeInteger(place)) throw noSuchPage();
    const logs: LogState[] = [];
    let next: number | undefined;
    const owned = hash(owner);
    const from = key("o", owned, Math.max(0, place - 1));
    for (const found of this.#db.keys({ from, to: key("o", owned), reverse: true })) {
      const head = this.#seenNumber(lastNumber(found));
      if (!head) continue;
      if (logs.length === limit) return { logs, ...(next === undefined ? {} : { next: String(next) }) };
      logs.push(stateOf(head));
      next = head.number;
    }
    return { logs };
  }

  lapsed(limit: number): readonly string[] {
    const ids: string[] = [];
    for (const found of this.#db.keys({ from: key("l"), to: key("l", this.#clock.now() + 1), limit })) {
      const head = this.heads.stored(lastNumber(found));
      if (head) ids.push(head.record.id);
    }
    return ids;
  }

  /** The logs that have entries in the journal only, for `flush`. */
  unflushed(): Set<string> {
    const ids = this.#unflushed;
    this.#unflushed = new Set();
    this.#unflushedLength = 0;
    return ids;
  }

  /**
   * Puts their entries into the database, as many as a step may take.
   * @returns those that are done once this is committed: what is undone is asked for again
   */
  flush(ids: ReadonlySet<string>): readonly string[] {
    const done: string[] = [];
    let length = 0;
    for (const id of ids) {
      if (length > FLUSH_LENGTH) break;
      done.push(id);
      const head = this.heads.get(id);
      if (!head || head.last === head.stored) continue;
      for (const entry of head.pending) length += entry.length;
      this.heads.replace(head, this.#flush(head));
    }
    return done;
  }

  /** Nothing of what was done since the last `settle` was written. */
  undo(): void {
    for (const id of this.heads.undo()) this.#unflushed.add(id);
  }

  /** They could not be flushed. Until they are, memory takes no more. */
  refuse(ids: ReadonlySet<string>, reason: SluiceError): void {
    for (const id of ids) this.#unflushed.add(id);
    this.#refused = reason;
  }

  /** All that was asked for could be flushed. */
  accept(): void {
    this.#refused = undefined;
  }

  /** What a process that was killed had appended, in its order. What the database has already is passed over. */
  replay(additions: Iterable<JournalEntry>): void {
    const ids = new Map<number, string | undefined>();
    for (const { log, after, entries } of additions) {
      if (!ids.has(log)) ids.set(log, this.heads.stored(log)?.record.id);
      const id = ids.get(log);
      const head = id === undefined ? undefined : this.heads.get(id);
      if (head && !head.record.closed && head.last === after) this.#add(head, entries, byteLength(entries));
    }
  }

  #add(head: Head, entries: readonly string[], bytes: number): Head {
    for (const entry of entries) {
      head.pending.push(entry);
      this.#unflushedLength += entry.length;
    }
    const grown = { ...head, last: head.last + entries.length, bytes: head.bytes + bytes };
    const added = head.record.keepLast === undefined ? grown : this.#trimmed(grown, head.record.keepLast);
    this.#unflushed.add(head.record.id);
    this.heads.replace(head, added);
    return added;
  }

  #trimmed(head: Head, keepLast: number): Head {
    const gone = head.last - keepLast - head.first + 1;
    if (gone <= 0) return head;
    const limits = { maxEntries: gone, maxLength: Number.POSITIVE_INFINITY };
    const dropped = entriesAfter(this.#db, head, head.first - 1, limits).slice(0, gone);
    return { ...head, first: head.first + gone, bytes: head.bytes - byteLength(dropped) };
  }

  #flush(head: Head): Head {
    const { number, first, record } = head;
    const packs = pack(head.pending.slice(0, head.last - head.stored));
    let last = head.stored;
    let bytes = packs.reduce((rest, next) => rest - next.bytes, head.bytes);
    for (const next of packs) {
      last += next.entries.length;
      bytes += next.bytes;
      this.#db.put(blockKey(number, last), encodeBlock(next, { first, last, bytes }));
    }
    if (record.keepLast !== undefined) {
      const gone = [...this.#db.keys({ from: blockKey(number, 0), to: blockKey(number, first) })];
      for (const block of gone) this.#db.remove(block);
    }
    return { ...head, stored: head.last, pending: [] };
  }

  #setLease(head: Head, record: LogRecord): void {
    const { number } = head;
    if (head.record.lease) this.#db.remove(key("l", head.record.lease.expiresAt, number));
    if (record.lease) this.#db.put(key("l", record.lease.expiresAt, number), PRESENT);
    this.#write(head, { ...head, record });
  }

  #write(before: Head | undefined, after: Head): void {
    this.#db.put(key("r", after.number), encodeRecord(after.record));
    this.heads.replace(before, after);
  }

  #indexed(index: Buffer): Head | undefined {
    const number = this.#db.get(index);
    const stored = number && this.heads.stored(lastNumber(number));
    return stored && this.heads.get(stored.record.id);
  }

  #open(id: string): Head {
    const head = this.heads.get(id);
    if (!head || this.#expired(head)) throw notFound(id);
    return head;
  }

  #seen(id: string): Head | undefined {
    const head = this.heads.seen(id);
    return head && !this.#expired(head) ? head : undefined;
  }

  #seenNumber(number: number): Head | undefined {
    const stored = this.heads.stored(number);
    return stored && this.#seen(stored.record.id);
  }

  #expired({ record: { closed, ttlMs } }: Head): boolean {
    return closed !== undefined && closed.at + ttlMs <= this.#clock.now();
  }
}

function newest(db: Database, kind: string): number {
  for (const found of db.keys({ from: key(kind, Number.MAX_SAFE_INTEGER), to: key(kind), reverse: true, limit: 1 })) {
    return lastNumber(found);
  }
  return 0;
}

/** JSON has no infinity. */
function leaseFrom(now: number, { holder, ttlMs }: LeaseRequest): NonNullable<LogRecord["lease"]> {
  const most = Number.MAX_SAFE_INTEGER;
  return { holder, ttlMs: Math.min(ttlMs, most), expiresAt: Math.min(now + ttlMs, most) };
}
