import type { LogState } from "../types.ts";
import type { Database } from "./database.ts";
import { blockKey, decodeExtent, decodeRecord, hash, key, lastNumber, type Extent, type LogRecord } from "./layout.ts";

/** A log at one moment; never changed, only replaced. */
export interface Head extends Extent {
  readonly number: number;
  readonly record: LogRecord;
  /** Sequence of the last entry in the database. */
  readonly stored: number;
  /** The entries after it, at least up to `last`. Later heads of the log add to the same list. */
  readonly pending: string[];
}

// How many open logs are remembered; the others are read anew when they are written to.
const MAX_HEADS = 10_000;

/**
 * The open logs that were changed lately, and a way to all others. A change is seen by those who change logs at once,
 * and by readers when it is settled.
 */
export class Heads {
  readonly #db: Database;
  readonly #heads = new Map<string, Head>();
  /** What changed logs were when it was settled last. */
  readonly #before = new Map<string, Head | undefined>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** As it is. */
  get(id: string): Head | undefined {
    if (this.#before.has(id) && !this.#heads.has(id)) return undefined;
    return this.#heads.get(id) ?? this.#load(this.#db.get(key("i", hash(id))));
  }

  /** As readers may see it. */
  seen(id: string): Head | undefined {
    return this.#before.has(id) ? this.#before.get(id) : this.get(id);
  }

  /** By the value of an index: as it is in the database, and so without what is pending. */
  stored(number: number): Head | undefined {
    const bytes = this.#db.get(key("r", number));
    if (!bytes) return undefined;
    const record = decodeRecord(bytes);
    const extent = record.closed?.extent ?? this.#extent(number);
    return { number, record, ...extent, stored: extent.last, pending: [] };
  }

  replace(before: Head | undefined, after: Head): void {
    const { id } = after.record;
    if (!this.#before.has(id)) this.#before.set(id, before);
    this.#heads.delete(id); // to the end of the order in which they are forgotten
    this.#heads.set(id, after);
  }

  remove(head: Head): void {
    const { id } = head.record;
    if (!this.#before.has(id)) this.#before.set(id, head);
    this.#heads.delete(id);
  }

  /** @returns the ids of the logs that were changed */
  settle(): readonly string[] {
    const ids = [...this.#before.keys()];
    this.#before.clear();
    for (const id of ids) {
      if (this.#heads.get(id)?.record.closed) this.#heads.delete(id);
    }
    for (const [id, head] of this.#heads) {
      if (this.#heads.size <= MAX_HEADS) break;
      if (head.last === head.stored) this.#heads.delete(id);
    }
    return ids;
  }

  /** Nothing of what was changed since `settle` was written. @returns the ids of the logs that were changed */
  undo(): readonly string[] {
    const ids = [...this.#before.keys()];
    for (const [id, before] of this.#before) {
      this.#heads.delete(id);
      if (!before) continue;
      before.pending.length = before.last - before.stored;
      this.#heads.set(id, before);
    }
    this.#before.clear();
    return ids;
  }

  #load(number: Buffer | undefined): Head | undefined {
    return number && this.stored(lastNumber(number));
  }

  // The newest block knows where an open log ends, so that its record need not be written with every entry.
  #extent(number: number): Extent {
    const newestFirst = { from: blockKey(number, Number.MAX_SAFE_INTEGER), to: blockKey(number, 0), reverse: true };
    for (const block of this.#db.entries({ ...newestFirst, limit: 1 })) {
      return decodeExtent(block.value, lastNumber(block.key));
    }
    return { first: 1, last: 0, bytes: 0 };
  }
}

export function stateOf({ record, first, last, bytes }: Head): LogState {
  const { id, owner, meta, claim, createdAt, stopRequested, closed } = record;
  return {
    id,
    owner,
    meta,
    ...(claim ? { claim } : {}),
    createdAt,
    first,
    last,
    bytes,
    stopRequested,
    ...(closed ? { closedAt: closed.at } : {}),
    ...(closed?.summary ? { summary: closed.summary } : {}),
  };
}
