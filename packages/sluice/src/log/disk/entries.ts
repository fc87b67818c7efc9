import { gap } from "../refusals.ts";
import { READ_LIMITS, type Held } from "../rules.ts";
import type { AppendAt, ReadLog } from "../types.ts";
import type { Database } from "./database.ts";
import type { Head } from "./heads.ts";
import { blockKey, corrupt, decodeBlock, lastNumber } from "./layout.ts";

/** What the rules ask of a log that is read. */
export function heldForRead(db: Database, head: Head, options: ReadLog): Held {
  const { after, maxEntries, maxLength } = { ...READ_LIMITS, ...options };
  const { id, fence } = head.record;
  const within = after >= head.first - 1 && after <= head.last;
  const dropped = within ? after : after > head.last ? head.last : head.first - 1;
  const entries = within ? entriesAfter(db, head, after, { maxEntries, maxLength }) : [];
  const complete = dropped + entries.length === head.last;
  return { id, fence, dropped, entries, closed: complete ? head.record.closed : undefined };
}

/** What the rules ask of a log to which `count` entries are to be added: those that may be there already. */
export function heldForAppend(db: Database, head: Head, count: number, { expected }: AppendAt): Held {
  const { id, fence, closed } = head.record;
  if (expected >= head.last) return { id, fence, closed, dropped: head.last, entries: [] };
  const dropped = Math.max(expected, head.first - 1);
  const limits = { maxEntries: count, maxLength: Number.POSITIVE_INFINITY };
  const entries = expected === dropped ? entriesAfter(db, head, expected, limits) : [];
  entries.length = head.last - dropped; // nobody looks at the holes
  return { id, fence, closed, dropped, entries };
}

/** Whole blocks of entries, until there is at least as much as a slice with these limits may hold. */
export function entriesAfter(
  db: Database,
  head: Head,
  after: number,
  { maxEntries, maxLength }: { readonly maxEntries: number; readonly maxLength: number },
): string[] {
  const found: string[] = [];
  let length = 0;
  const full = (): boolean => found.length >= maxEntries || length > maxLength;
  const take = (entries: readonly string[], from: number, to: number): void => {
    for (let index = from; index < to; index += 1) {
      const entry = entries[index] ?? "";
      found.push(entry);
      length += entry.length;
    }
  };
  if (after < head.stored) {
    const range = { from: blockKey(head.number, after + 1), to: blockKey(head.number + 1, 0) };
    for (const block of db.entries(range)) {
      const entries = decodeBlock(block.value);
      const start = lastNumber(block.key) - entries.length;
      const next = after + found.length;
      if (start > next) throw gap(start + 1); // dropped, and not yet settled
      take(entries, next - start, Math.min(entries.length, head.stored - start));
      if (full() || after + found.length >= head.stored) break;
    }
    if (!full() && after + found.length < head.stored) {
      throw corrupt(new Error(`Log ${head.number} has no block with entry ${after + found.length + 1}.`));
    }
  }
  if (!full()) {
    const from = after + found.length - head.stored;
    take(head.pending, from, Math.min(head.last - head.stored, from + maxEntries - found.length));
  }
  return found;
}
