import { SluiceError } from "../base/errors.ts";
import { formatOffset } from "../base/offset.ts";
import type { AppendAt, LogSlice, ReadLog } from "./types.ts";

/** What the rules of the contract need to know of a log. `entries[0]` has sequence number `dropped + 1`. */
export interface Held {
  readonly id: string;
  readonly entries: readonly string[];
  readonly dropped: number;
  readonly fence: number;
  readonly closed: unknown;
}

const MAX_ENTRIES = 1024;
const MAX_LENGTH = 65_536;

/**
 * Whether an append may be done, or was done before.
 * @throws SluiceError `log/fenced`, `log/closed`, `log/conflict`, `option/invalid`
 */
export function checkAppend(log: Held, entries: readonly string[], at: AppendAt): "new" | "repeated" {
  if (entries.length === 0) throw new SluiceError("option/invalid", "An append needs at least one entry.");
  if (at.fence !== log.fence) throw fenced(log.fence);
  const last = lastOf(log);
  if (at.expected < last && isStored(log, entries, at.expected)) return "repeated";
  if (log.closed || at.expected !== last) throw refused(log, at);
  return "new";
}

/**
 * The same for the last append: only a closed log that ends with these entries has it already.
 * @throws as `checkAppend`
 */
export function checkClose(log: Held, entries: readonly string[], at: AppendAt): "new" | "repeated" {
  const done = checkAppend(log, entries, at);
  if (done === "repeated" && !(log.closed && at.expected + entries.length === lastOf(log))) throw refused(log, at);
  return done;
}

function refused(log: Held, at: AppendAt): SluiceError {
  if (log.closed) return new SluiceError("log/closed", "The log is closed: nothing can follow its terminal.");
  const last = lastOf(log);
  return new SluiceError("log/conflict", `The log ends at entry ${last}, not at ${at.expected}.`, {
    details: { expected: at.expected, last },
  });
}

function isStored(log: Held, entries: readonly string[], expected: number): boolean {
  return entries.every((entry, index) => log.entries[expected - log.dropped + index] === entry);
}

/** @throws SluiceError `log/gap`, `offset/beyond-end` */
export function takeSlice(log: Held, options: ReadLog): LogSlice {
  const { after, maxEntries = MAX_ENTRIES, maxLength = MAX_LENGTH } = options;
  const last = lastOf(log);
  if (after > last) throw beyondEnd(after, last);
  if (after < log.dropped) throw gap(log.dropped + 1);
  const from = after - log.dropped;
  let to = from;
  let length = 0;
  while (to < log.entries.length && to - from < maxEntries) {
    length += log.entries[to]?.length ?? 0;
    if (length > maxLength && to > from) break;
    to += 1;
  }
  return {
    after,
    entries: log.entries.slice(from, to),
    end: log.closed !== undefined && to === log.entries.length,
  };
}

/** Sequence number of the last entry; 0 before the first. */
export function lastOf(log: Pick<Held, "entries" | "dropped">): number {
  return log.dropped + log.entries.length;
}

export function fenced(fence: number): SluiceError {
  return new SluiceError("log/fenced", "Another producer has taken this log over.", { details: { fence } });
}

export function notFound(id: string): SluiceError {
  return new SluiceError("log/not-found", "There is no such log.", { details: { id } });
}

function beyondEnd(after: number, last: number): SluiceError {
  return new SluiceError("offset/beyond-end", `Offset ${formatOffset(after)} is beyond the end of the log.`, {
    details: { last: formatOffset(last) },
  });
}

function gap(first: number): SluiceError {
  return new SluiceError("log/gap", "Entries after this offset are no longer kept.", {
    details: { first: formatOffset(first) },
  });
}
