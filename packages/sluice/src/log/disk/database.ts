import { closeSync, openSync, readSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { SluiceError } from "../../base/errors.ts";
import { corrupt } from "./layout.ts";

export interface Range {
  readonly from: Buffer;
  /** Not in the range; before `from` when `reverse`. */
  readonly to: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** A moment of the database that stays readable in the file until it is let go of. */
export interface Pin {
  /** LMDB's two meta pages, which say where everything else is. */
  readonly metas: Buffer;
  release(): void;
}

/** LMDB as this store uses it: one database, written by one process, on the event loop. */
export interface Database {
  readonly file: string;
  get(key: Buffer): Buffer | undefined;
  keys(range: Range): Iterable<Buffer>;
  entries(range: Range): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  /** Inside `transact` only. */
  put(key: Buffer, value: Buffer): void;
  remove(key: Buffer): void;
  /**
   * Runs everything or, when `run` or the commit throws, nothing. After it the data is in the page cache: it outlives
   * the process, not the machine. No fsync: a commit costs some 20 µs (bench: 22,000/s; in lmdb's own thread 5,000/s,
   * with its fsync 700/s).
   */
  transact(run: () => void): void;
  pin(): Pin;
  close(): Promise<void>;
}

/** @throws SluiceError `log/unavailable`, `log/corrupt` */
export function openDatabase(directory: string): Database {
  const db = opened(() =>
    open<Buffer, Buffer>({
      path: directory,
      noSubdir: false,
      keyEncoding: "binary",
      encoding: "binary",
      // See checkpoint.ts for what makes it safe.
      noSync: true,
      maxDbs: 1,
    }),
  );
  const file = join(directory, "data.mdb");
  const descriptor = openSync(file, "r");
  const pageSize = pageSizeOf(db);
  return {
    file,
    get: (key) => db.get(key),
    keys: (range) => db.getKeys(bounds(range)),
    entries: (range) => db.getRange(bounds(range)),
    put(key, value) {
      db.putSync(key, value);
    },
    remove(key) {
      db.removeSync(key);
    },
    transact: (run) => db.transactionSync(run),
    pin() {
      const transaction = db.useReadTransaction();
      const metas = Buffer.alloc(2 * pageSize);
      readSync(descriptor, metas, 0, metas.length, 0);
      return { metas, release: () => transaction.done() };
    },
    async close() {
      closeSync(descriptor);
      await db.close();
    },
  };
}

/** What an error of LMDB or of the file system means to a caller. */
export function storeError(cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const code = codeOf(cause);
  if (DAMAGED.has(code)) return corrupt(cause);
  const message = FULL.has(code)
    ? "The disk of the log is full."
    : REFUSED.has(code)
      ? "The directory of the log cannot be written."
      : "The log's file cannot be read or written.";
  return new SluiceError("log/unavailable", message, { cause });
}

const { errno } = constants;
// LMDB gives numbers, Node names.
const FULL = codes("ENOSPC", "EDQUOT", "EFBIG").add(-30_792); // MDB_MAP_FULL
const REFUSED = codes("EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EISDIR");
const DAMAGED: ReadonlySet<unknown> = new Set([
  -30_797, // MDB_PAGE_NOTFOUND
  -30_796, // MDB_CORRUPTED
  -30_794, // MDB_VERSION_MISMATCH
  -30_793, // MDB_INVALID
]);

function codes(...names: readonly (keyof typeof errno)[]): Set<unknown> {
  return new Set([...names, ...names.map((name) => errno[name])]);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function opened<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw storeError(error);
  }
}

function bounds({ from, to, reverse = false, limit }: Range): {
  start: Buffer;
  end: Buffer;
  reverse: boolean;
  limit?: number;
} {
  return { start: from, end: to, reverse, ...(limit === undefined ? {} : { limit }) };
}

function pageSizeOf(db: RootDatabase): number {
  const stats: { readonly pageSize?: unknown } = db.getStats();
  if (typeof stats.pageSize !== "number") throw new TypeError("lmdb does not tell its page size");
  return stats.pageSize;
}
