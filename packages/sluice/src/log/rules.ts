import { wrongOption } from "../base/options.ts";
import type { SluiceError } from "../base/errors.ts";
import { beyondEnd, closed, conflict, fenced, gap, tooManyBytes, tooManyEntries } from "./refusals.ts";
import type { AppendAt, LogLimits, LogSlice, ReadLog } from "./types.ts";

/** What the rules of the contract need to know of a log. `entries[0]` has sequence number `dropped + 1`. */
export interface Held {
  readonly id: string;
  readonly entries: readonly string[];
  readonly dropped: number;
  readonly fence: number;
  readonly closed: unknown;
}

/** What a read gives at most, unless it says otherwise. */
export const READ_LIMITS = { maxEntries: 1_024, maxLength: 65_536 } as const;

/** @throws SluiceError `option/invalid` for none */
export function checkEntries(entries: readonly string[]): void {
  if (entries.length === 0) throw wrongOption("entries", "An append needs at least one entry.");
}

/**
 * Whether an append may be done, or was done before.
 * @throws SluiceError `log/fenced`, `log/closed`, `log/conflict`, `option/invalid`
 */
export function checkAppend(log: Held, entries: readonly string[], at: AppendAt): "new" | "repeated" {
  checkEntries(entries);
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
  return log.closed ? closed() : conflict(at.expected, lastOf(log));
}

function isStored(log: Held, entries: readonly string[], expected: number): boolean {
  return entries.every((entry, index) => log.entries[expected - log.dropped + index] === entry);
}

/** @throws SluiceError `log/max-bytes`, `log/max-entries` when a log of this size would grow over its limits */
export function checkLimits(
  limits: LogLimits | undefined,
  { bytes, entries }: { readonly bytes: number; readonly entries: number },
): void {
  if (limits && bytes > limits.maxBytes) throw tooManyBytes(limits.maxBytes);
  if (limits && entries > limits.maxEntries) throw tooManyEntries(limits.maxEntries);
}

/** UTF-8. */
export function byteLength(entries: readonly string[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += Buffer.byteLength(entry);
  return bytes;
}

/** @throws SluiceError `log/gap`, `offset/beyond-end` */
export function takeSlice(log: Held, options: ReadLog): LogSlice {
  const { after, maxEntries = READ_LIMITS.maxEntries, maxLength = READ_LIMITS.maxLength } = options;
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
