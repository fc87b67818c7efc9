import { constants } from "node:fs";
import { open, readFile, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Database, Pin } from "./database.ts";

/**
 * The last moment of the database that the disk has for certain. LMDB runs without fsync here, so after a crash of the
 * machine the newest state may be there in part only. What keeps it safe: a read transaction pins the pages of one
 * moment (LMDB writes to no page that a reader may see), the file is flushed, and then LMDB's two meta pages of that
 * moment are kept here. Put back into the file, they make it that moment again.
 *
 * The file is there exactly while the database is open, so one that is found tells of an unclean end.
 */
export interface Checkpoint {
  /** Resolves when the disk has what is committed now. Not to be called while it runs. */
  save(): Promise<void>;
  /** The end of a clean shutdown: the disk has everything. Nothing may be committed any more. */
  finish(): Promise<void>;
  /** Lets go of the pin and the files and leaves everything as it is. To be called before the database is closed. */
  abandon(): Promise<void>;
}

export type End = "clean" | "unclean";

// Two slots, written in turn, so that one is whole at any moment: checksum of the rest (4), length of the metas (4),
// counter (8), boot (36, text), strict (4), the metas. Large enough for pages of 64 KiB.
const SLOT = 256 * 1024;
const HEAD = 56;

export interface CheckpointOptions {
  /** Which start of the machine this is, if the system tells. */
  readonly boot: string;
  /** Nothing was promised that is not in the checkpoint: it is put back after every unclean end. */
  readonly strict: boolean;
}

export async function openCheckpoint(db: Database, path: string, options: CheckpointOptions): Promise<Checkpoint> {
  const file = await open(fileIn(path), constants.O_RDWR | constants.O_CREAT);
  const data = await open(db.file, "r+").catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  // Never a counter that an older session wrote.
  let count = Math.max(0, ...readSlots(await readFile(fileIn(path))).map((slot) => slot.count));
  let pin: Pin | undefined;
  const abandon = async (): Promise<void> => {
    pin?.release();
    pin = undefined;
    await Promise.all([file.close(), data.close()]);
  };
  return {
    async save() {
      const next = db.pin();
      try {
        await data.datasync();
        // One that fails may have torn its slot: the next one takes the same.
        await writeSlot(file, { ...options, count: count + 1, metas: next.metas });
        count += 1;
      } catch (error) {
        next.release();
        throw error;
      }
      pin?.release();
      pin = next;
    },
    abandon,
    async finish() {
      await data.datasync();
      await abandon();
      await rm(fileIn(path), { force: true });
      await syncFolder(path);
    },
  };
}

/** Called before the database is opened. Puts the checkpoint back if what came after it may be damaged. */
export async function restoreCheckpoint(path: string, boot: string): Promise<End> {
  const bytes = await readFile(fileIn(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!bytes) return "clean";
  const last = readSlots(bytes).sort((a, b) => b.count - a.count)[0];
  // Without a name of its own, the machine is taken to be still up: what a killed process wrote is whole then.
  const crashed = boot !== "" && last?.boot !== boot;
  if (last && (last.strict || crashed)) {
    const data = await open(join(path, "data.mdb"), "r+");
    try {
      await data.write(last.metas, 0, last.metas.length, 0);
      await data.datasync();
    } finally {
      await data.close();
    }
  }
  return "unclean";
}

/** A text of its own for each start of the machine; empty where the system has none. */
export async function bootId(): Promise<string> {
  return readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
    (text) => text.trim(),
    () => "",
  );
}

/** Makes the disk have the folder's entries, and the folder. */
export async function syncFolder(path: string): Promise<void> {
  for (const folder of [path, dirname(path)]) {
    const handle = await open(folder, "r").catch(() => undefined); // not every system opens folders
    await handle?.sync().catch(() => undefined);
    await handle?.close();
  }
}

interface Slot extends CheckpointOptions {
  readonly count: number;
  readonly metas: Buffer;
}

function fileIn(path: string): string {
  return join(path, "checkpoint");
}

async function writeSlot(file: FileHandle, { count, boot, strict, metas }: Slot): Promise<void> {
  const bytes = Buffer.alloc(HEAD + metas.length);
  bytes.writeUInt32LE(metas.length, 4);
  bytes.writeDoubleLE(count, 8);
  bytes.write(boot, 16, 36);
  bytes.writeUInt32LE(strict ? 1 : 0, 52);
  metas.copy(bytes, HEAD);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  await file.write(bytes, 0, bytes.length, (count % 2) * SLOT);
  await file.datasync();
}

function readSlots(bytes: Buffer): Slot[] {
  return [0, SLOT].flatMap((start) => {
    if (bytes.length < start + HEAD) return [];
    const end = start + HEAD + bytes.readUInt32LE(start + 4);
    const slot = bytes.subarray(start, end);
    if (end > bytes.length || crc32(slot.subarray(4)) !== slot.readUInt32LE(0)) return [];
    const boot = slot.toString("utf8", 16, 52).replace(/\0+$/, "");
    const strict = slot.readUInt32LE(52) === 1;
    return [{ count: slot.readDoubleLE(8), boot, strict, metas: Buffer.from(slot.subarray(HEAD)) }];
  });
}
