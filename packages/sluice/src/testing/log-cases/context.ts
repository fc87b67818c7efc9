import assert from "node:assert/strict";
import { isSluiceError, type ErrorCode, type SluiceError } from "../../base/errors.ts";
import type { CreateLog, LogSlice, LogStore, TailLog } from "../../log/types.ts";

export interface LogCaseContext {
  /** Fresh, or shared with other cases: a case uses only ids and owners that it made. One case disposes it. */
  readonly store: LogStore;
  /** Moves the store's time on by at least this much; a store whose time is real waits. */
  advance(ms: number): Promise<void> | void;
  /** Another text each time, for logs, owners and keys. */
  id(): string;
}

export type LogCase = (context: LogCaseContext) => Promise<void>;

/** A time to live, or of a lease, that a case waits for. Long enough to do something before it ends in real time. */
export const SOON_MS = 1_000;
/** One that no case lives to see. */
const NEVER_MS = 3_600_000;

export function options(context: LogCaseContext, given: Partial<CreateLog> = {}): CreateLog {
  return { owner: context.id(), meta: {}, ttlMs: NEVER_MS, lease: { holder: "node-a", ttlMs: NEVER_MS }, ...given };
}

/** A log made with these options: its id and the fence of its maker. */
export async function made(
  context: LogCaseContext,
  given: Partial<CreateLog> = {},
): Promise<{ readonly id: string; readonly fence: number; readonly owner: string }> {
  const id = context.id();
  const all = options(context, given);
  const { fence } = await context.store.create(id, all);
  return { id, fence, owner: all.owner };
}

/** A log that holds these entries and is closed after the last. */
export async function closedLog(
  context: LogCaseContext,
  entries: readonly string[],
  given: Partial<CreateLog> = {},
): Promise<{ readonly id: string; readonly fence: number; readonly owner: string }> {
  const log = await made(context, given);
  await context.store.close(log.id, entries, { expected: 0, fence: log.fence });
  return log;
}

export async function fails(promise: Promise<unknown>, code: ErrorCode): Promise<SluiceError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in outcome)) assert.fail(`expected ${code}, but it resolved`);
  if (isSluiceError(outcome.error, code)) return outcome.error;
  throw outcome.error;
}

/** How many of the calls succeeded. All others must have failed with one of the codes. */
export async function successes(calls: readonly Promise<unknown>[], ...codes: readonly ErrorCode[]): Promise<number> {
  let count = 0;
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === "fulfilled") count += 1;
    else if (!codes.some((code) => isSluiceError(outcome.reason, code))) throw outcome.reason;
  }
  return count;
}

export async function contents(store: LogStore, id: string): Promise<readonly string[]> {
  const { entries } = await store.read(id, { after: 0 });
  return entries;
}

/** An iterator to call `next` on by hand. */
export function tailOf(
  context: LogCaseContext,
  id: string,
  given: Partial<TailLog> = {},
): AsyncIterator<LogSlice, unknown, undefined> {
  const tail = context.store.tail(id, { after: 0, signal: new AbortController().signal, ...given });
  return tail[Symbol.asyncIterator]();
}

/** The slice that `next` resolved to; fails when the tail has returned. */
export async function slice(next: Promise<IteratorResult<LogSlice, unknown>>): Promise<LogSlice> {
  const step = await next;
  if (step.done === true) assert.fail("expected a slice, but the tail returned");
  return step.value;
}

/** Reads a tail to its end. Each slice must follow the one before it, and only the last may say `end`. */
export async function readToEnd(
  context: LogCaseContext,
  id: string,
  given: Partial<TailLog> = {},
): Promise<readonly string[]> {
  const entries: string[] = [];
  let next = given.after ?? 0;
  let ended = false;
  for await (const part of context.store.tail(id, { after: 0, signal: new AbortController().signal, ...given })) {
    assert.equal(ended, false, "a slice after the end");
    assert.equal(part.after, next);
    entries.push(...part.entries);
    next += part.entries.length;
    ended = part.end;
  }
  assert.equal(ended, true, "the tail returned before the end");
  return entries;
}
