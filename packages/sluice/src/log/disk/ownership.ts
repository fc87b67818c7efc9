import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import { SluiceError } from "../../base/errors.ts";
import { storeError } from "./database.ts";

/** The right to be the only one who has the directory open. */
export interface Ownership {
  release(): Promise<void>;
}

/**
 * The lock is a second, empty database that everybody who wants the directory reads: LMDB's table of readers then says
 * who else is alive. It rests on locks of the kernel, which end with the process in whatever way it ends; a file with a
 * pid in it would outlive its process, and pids come again, in a container nearly always.
 * @throws SluiceError `log/locked`, `log/unavailable`
 */
export function takeOwnership(path: string): Ownership {
  const { db, reading, readers } = read(join(path, "owner.mdb"));
  const release = async (): Promise<void> => {
    reading.done();
    await db.close();
  };
  if (readers.length === 1) {
    flush(join(path, "owner.mdb"));
    return { release };
  }
  void release();
  const other = readers.find((pid) => pid !== process.pid) ?? process.pid;
  throw new SluiceError("log/locked", `Process ${other} has the directory of the log open.`, { details: { path } });
}

// The file is never written to again, but half of it on the disk after a crash would be the end of the directory.
function flush(file: string): void {
  const descriptor = openSync(file, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function read(path: string): {
  readonly db: ReturnType<typeof open>;
  readonly reading: ReturnType<ReturnType<typeof open>["useReadTransaction"]>;
  readonly readers: readonly number[];
} {
  try {
    const db = open({ path, noSubdir: true, overlappingSync: false, maxDbs: 1 });
    const reading = db.useReadTransaction();
    // A heading, then a line for each reader: pid, thread, transaction.
    const lines = db.readerList().trim().split("\n").slice(1);
    return { db, reading, readers: lines.map((line) => Number.parseInt(line, 10)) };
  } catch (error) {
    throw storeError(error);
  }
}
