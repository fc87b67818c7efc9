import type { Clock } from "../../base/clock.ts";
import { SluiceError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { bootId, openCheckpoint, restoreCheckpoint, syncFolder, type Checkpoint } from "./checkpoint.ts";
import { openDatabase, type Database } from "./database.ts";
import { inspect } from "./inspect.ts";
import { openJournal, readJournal, type Journal } from "./journal.ts";
import { VERSION, corrupt, key, lastNumber, number48 } from "./layout.ts";
import { Logs } from "./logs.ts";
import { takeOwnership, type Ownership } from "./ownership.ts";

export type Durability = "process" | "disk";

/** What an open directory consists of, in the order in which it is opened. */
export interface Parts {
  readonly ownership: Ownership;
  readonly db: Database;
  readonly checkpoint: Checkpoint;
  readonly journal: Journal;
  readonly logs: Logs;
}

export interface OpenOptions {
  readonly durability: Durability;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Opens the directory, or leaves it as it was. Repairs what a process or a machine that died has left. */
export async function openParts(path: string, { durability, clock, log }: OpenOptions): Promise<Parts> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    const ownership = takeOwnership(path);
    undo.push(() => ownership.release());
    const boot = await bootId();
    const end = await restoreCheckpoint(path, boot);
    if (end === "unclean") {
      log("warn", "the store was not closed: its file is read through", { path });
      await inspect(path);
    }
    const db = openDatabase(path);
    undo.push(() => db.close());
    checkVersion(db);
    const checkpoint = await openCheckpoint(db, path, { boot, strict: durability === "disk" });
    undo.push(() => checkpoint.abandon());
    const journal = openJournal(path);
    undo.push(() => journal.close());
    const logs = new Logs(db, journal, clock);
    await checkpoint.save(); // before anything is written: nothing keeps the pages of the one that was found
    if (end === "unclean") replay(path, db, logs);
    db.transact(() => logs.shortenLeases());
    logs.heads.settle();
    await checkpoint.save(); // into the other slot too: both have their place on the disk from now on
    journal.reset();
    await syncFolder(path);
    return { ownership, db, checkpoint, journal, logs };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

function checkVersion(db: Database): void {
  const found = db.get(key("v"));
  if (!found) {
    db.transact(() => db.put(key("v"), number48(VERSION)));
    return;
  }
  if (found.length !== 6) throw corrupt();
  const version = lastNumber(found);
  if (version === VERSION) return;
  throw new SluiceError("log/unavailable", `The directory of the log has layout ${version}, not ${VERSION}.`);
}

function replay(path: string, db: Database, logs: Logs): void {
  logs.replay(readJournal(path));
  const ids = logs.unflushed();
  while (ids.size > 0) {
    let done: readonly string[] = [];
    db.transact(() => {
      done = logs.flush(ids);
    });
    for (const id of done) ids.delete(id);
    logs.heads.settle();
  }
}
