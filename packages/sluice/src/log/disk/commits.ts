import { isSluiceError, type SluiceError } from "../../base/errors.ts";
import { storeError, type Database } from "./database.ts";
import type { Journal } from "./journal.ts";

/**
 * A record is written to the database, an append to the journal; a flush brings the journal into the database. A
 * checkpoint writes nothing: with `disk` durability it is waited for like a record.
 */
export type Kind = "record" | "append" | "flush" | "checkpoint";

/** Changes: those asked for in one turn of the event loop are written together. */
export interface Commits {
  /** Runs it soon, a record or a flush inside a transaction; resolves when it is as durable as the store promises. */
  add<T>(kind: Kind, run: () => T): Promise<T>;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
}

export interface CommitOptions {
  readonly db: Database;
  readonly journal: Journal;
  /** Called after each commit; nothing is run until it resolves. When it fails, so does all that follows. */
  readonly persist: ((written: ReadonlySet<Kind>) => Promise<void>) | undefined;
  /** Called when a commit is as durable as promised, before its callers are answered. */
  readonly settled: (written: ReadonlySet<Kind>) => void;
  /** Called when nothing was committed. */
  readonly undone: () => void;
}

interface Job {
  readonly kind: Kind;
  /** Throws what makes all of the batch fail; keeps what concerns only this job. */
  run(): void;
  resolve(): void;
  reject(error: unknown): void;
}

// Bound the time that one batch keeps the event loop, to a millisecond or two: a record may bring a whole run along.
const MAX_JOBS = 256;
const MAX_RECORDS = 32;

export function createCommits(options: CommitOptions): Commits {
  const { db, journal, persist, settled, undone } = options;
  const jobs: Job[] = [];
  let broken: SluiceError | undefined;
  let working = false;
  let waiting: (() => void)[] = [];

  const write = (batch: readonly Job[], written: ReadonlySet<Kind>): void => {
    const run = (): void => {
      for (const job of batch) job.run();
      journal.write();
    };
    try {
      if (written.has("record") || written.has("flush")) db.transact(run);
      else run();
      journal.keep();
    } catch (error) {
      journal.drop();
      undone();
      throw error;
    }
  };

  const commit = async (batch: readonly Job[]): Promise<void> => {
    const written = new Set(batch.map(({ kind }) => kind));
    try {
      write(batch, written);
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(storeError(error));
      // One that is too large for the disk takes no other with it.
      else for (const job of batch) await commit([job]);
      return;
    }
    if (persist) await persist(written);
    settled(written);
    for (const job of batch) job.resolve();
  };

  const turn = async (): Promise<void> => {
    while (jobs.length > 0) {
      const batch = jobs.splice(0, sizeOf(jobs));
      try {
        if (broken !== undefined) throw broken;
        await commit(batch);
      } catch (error) {
        // What was written may be lost: after a failed fsync the system forgets what it could not write.
        broken = storeError(error);
        for (const job of batch) job.reject(broken);
      }
      if (jobs.length > 0) await new Promise(setImmediate);
    }
    working = false;
    for (const resolve of waiting) resolve();
    waiting = [];
  };

  return {
    add: (kind, run) =>
      new Promise((resolve, reject) => {
        jobs.push(job(kind, run, resolve, reject));
        if (working) return;
        working = true;
        setImmediate(() => void turn());
      }),
    idle: () =>
      new Promise((resolve) => {
        if (working) waiting.push(resolve);
        else resolve();
      }),
  };
}

/** How many of the jobs make the next batch. */
function sizeOf(jobs: readonly Job[]): number {
  let records = 0;
  let size = 0;
  for (const { kind } of jobs) {
    if (kind !== "append") records += 1;
    if (size === MAX_JOBS || records > MAX_RECORDS) break;
    size += 1;
  }
  return size;
}

function job<T>(kind: Kind, run: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): Job {
  let answer = (): void => {};
  return {
    kind,
    run() {
      try {
        const value = run();
        answer = () => resolve(value);
      } catch (error) {
        if (!isSluiceError(error)) throw error;
        answer = () => reject(error);
      }
    },
    resolve: () => answer(),
    reject,
  };
}
