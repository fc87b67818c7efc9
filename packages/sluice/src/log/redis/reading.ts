import { whenAborted } from "../../base/abort.ts";
import { sleep } from "../../base/clock.ts";
import { isSluiceError } from "../../base/errors.ts";
import { beyondEnd, notFound } from "../refusals.ts";
import { READ_LIMITS, takeSlice } from "../rules.ts";
import type { LogSlice, ReadLog, TailLog } from "../types.ts";
import type { Bell, Bells } from "./bells.ts";
import { findLog, type Context } from "./context.ts";
import { readerRewound } from "./failure.ts";
import type { Readers } from "./readers.ts";
import { entriesAfter } from "./reply.ts";
import { READ } from "./scripts/read.ts";

/** @throws as `LogStore.read` */
export async function readLog(context: Context, id: string, options: ReadLog): Promise<LogSlice> {
  let waited = false;
  while (true) {
    const found = await look(context, id, options);
    if (!("isOpen" in found)) return found;
    const pauseMs = patienceOf(context, found, { after: options.after, wasThere: waited });
    waited = true;
    await sleep(context.clock, pauseMs);
  }
}

/** A log that ends before the place that a reader has. */
interface Short {
  readonly last: number;
  readonly isOpen: boolean;
  /** It was made on another server, or before this one was started: a fail-over may have lost what the reader has. */
  readonly isMoved: boolean;
}

const LOOK_MS = 250;

/**
 * How long a reader waits that has more than the log: its producer may be putting that back.
 * @throws SluiceError `log/rewound`, `offset/beyond-end` when it is too late for that
 */
function patienceOf(
  { grace }: Context,
  { last, isOpen, isMoved }: Short,
  { after, wasThere }: { readonly after: number; readonly wasThere: boolean },
): number {
  if (isOpen && grace.leftMs > 0) return Math.min(grace.leftMs, LOOK_MS);
  throw wasThere || isMoved ? readerRewound(last) : beyondEnd(after, last);
}

/** @throws as `LogStore.read`, but for `offset/beyond-end` */
async function look(context: Context, id: string, options: ReadLog): Promise<LogSlice | Short> {
  const { after, maxEntries, maxLength } = { ...READ_LIMITS, ...options };
  const entries: string[] = [];
  let length = 0;
  while (true) {
    const from = after + entries.length;
    const part = await readPart(context, id, [from, maxEntries - entries.length, maxLength - length]);
    // What was lost between two parts may come again: the reader has none of this yet.
    if ("isOpen" in part) return from === after ? part : look(context, id, options);
    const { first, last } = part;
    const log = { id, fence: 0, closed: undefined };
    // Nothing is kept before the first entry: the rules make a gap of that.
    if (from + 1 < first) return takeSlice({ ...log, entries: [], dropped: first - 1 }, options);
    for (const entry of part.entries) {
      entries.push(entry);
      length += entry.length;
    }
    const whole = after + entries.length === last;
    // The script counts bytes: of a text with few ASCII characters it gives less than there is room for.
    if (!whole && entries.length < maxEntries && length < maxLength) continue;
    return takeSlice({ ...log, entries, dropped: after, closed: (whole && part.closed) || undefined }, options);
  }
}

interface Part {
  readonly first: number;
  readonly last: number;
  readonly closed: boolean;
  readonly entries: readonly string[];
}

async function readPart(
  { commands, keys, time }: Context,
  id: string,
  [after, maxEntries, bytes]: readonly [number, number, number],
): Promise<Part | Short> {
  const answer = await commands.run(READ, [keys.log(id), keys.entries(id)], [time(), after, maxEntries, bytes]);
  if (answer.status === "rewound") throw readerRewound(answer.number(1));
  if (answer.status === "short") {
    return { last: answer.number(1), isOpen: answer.number(2) === 0, isMoved: answer.number(3) === 1 };
  }
  if (answer.status !== "ok") throw notFound(id);
  const entries = entriesAfter(after, answer.list(4));
  const [kept, last] = [answer.number(1), answer.number(2)];
  // Redis may have evicted entries, against what this store needs: they are gone, not awaited.
  const evicted = entries.length === 0 && after + 1 >= kept && after < last;
  const first = evicted ? last + 1 : kept;
  return { first, last, closed: answer.number(3) === 1, entries };
}

/** What waiting needs beside the context. */
export interface Waiting {
  readonly bells: Bells;
  readonly readers: Readers;
}

/** A tail. Those of one log on this node share a bell, and one answer when they ask for the same. */
export async function* tailLog(
  context: Context,
  { bells, readers }: Waiting,
  id: string,
  options: TailLog,
): AsyncGenerator<LogSlice> {
  const { signal, leave } = readers.join(options.signal);
  const bell = bells.join(context.keys.bell(id));
  const place = { ...options, after: options.after };
  const ask = (): Promise<LogSlice | Short> => look(context, id, { ...place });
  let waited = false;
  try {
    while (!signal.aborted) {
      const { version } = bell;
      const question = `${place.after} ${place.maxEntries} ${place.maxLength}`;
      const slice = bell.take(place) ?? (await unlessAborted(bell.share(question, ask), signal));
      if (!slice || signal.aborted) return;
      if ("isOpen" in slice) {
        const { after } = place;
        const ms = patienceOf(context, slice, { after, wasThere: waited || after > options.after });
        waited = true;
        await bell.changed(version, signal, { ms, clock: context.clock });
        continue;
      }
      waited = false;
      if (slice.entries.length === 0 && !slice.end) {
        await bell.changed(version, signal);
        continue;
      }
      place.after += slice.entries.length;
      yield slice;
      if (slice.end) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  } finally {
    bells.leave(bell);
    leave();
  }
}

/** As `LogStore.stopRequested`. A store that fails is asked again. */
export async function waitForStop(
  context: Context,
  { bells, readers }: Waiting,
  id: string,
  given: AbortSignal,
): Promise<void> {
  const { signal, leave } = readers.join(given);
  const bell = bells.join(context.keys.stop(id));
  try {
    while (!signal.aborted) {
      const { version } = bell;
      if (await unlessAborted(isOver(context, bell, id), signal)) return;
      await bell.changed(version, signal);
    }
  } finally {
    bells.leave(bell);
    leave();
  }
  // A store that is let go of knows of no stop.
  await whenAborted(given).promise;
}

async function isOver(context: Context, bell: Bell, id: string): Promise<boolean> {
  try {
    const found = await bell.share("state", () => findLog(context, id));
    return !found || found.state.stopRequested || found.state.closedAt !== undefined;
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    return false;
  }
}

/** undefined when the signal fires first. (No race with one promise for the signal: that would keep every answer.) */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(undefined);
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
