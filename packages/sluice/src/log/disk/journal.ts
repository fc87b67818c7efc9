import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";

/**
 * What was appended and is not in the database yet. An entry goes to the end of this file at once, and to the database
 * together with its neighbours up to a second later: a tree that is written page by page turns 200 bytes into several
 * pages, a file that is written at its end does not.
 *
 * Frames are written to one of two files, `journal-0` and `journal-1`. Every second it turns to the other one; then what
 * the first has is brought into the database, and when a checkpoint of that is on the disk, the first is superfluous.
 */
export interface Journal {
  /** To the frame that is being made. */
  add(entry: JournalEntry): void;
  /** Puts the frame into the file: into the page cache, that is. @returns false when there is none */
  write(): boolean;
  /** The frame stays. */
  keep(): void;
  /** The frame was for nothing: it is taken out of the file, and the next one takes its place. */
  drop(): void;
  /** Resolves when the disk has every frame. */
  sync(): Promise<void>;
  /** Goes on in the other file, from its start. Only when a checkpoint on the disk has all that is in that one. */
  turn(): void;
  /** Forgets all that is in the files. */
  reset(): void;
  /** Everything is in the database and on the disk. */
  remove(): void;
  close(): void;
}

export interface JournalEntry {
  readonly log: number;
  /** Sequence of the entry before these. */
  readonly after: number;
  readonly entries: readonly string[];
}

// A frame: checksum of the rest (4), its length (4), the generation of the file (8), what was added. An addition: log
// (6), after (6), number of entries (4), their lengths in UTF-16 units (4 each), length of the text (4), text in UTF-8.
const HEAD = 16;
const FIXED = 20;
// Size of the buffer that frames are made in, as long as they fit.
const FRAME = 64 * 1024;

/** To be `reset` before it is written to. */
export function openJournal(path: string): Journal {
  const flags = constants.O_RDWR | constants.O_CREAT;
  const files = [openSync(fileIn(path, 0), flags), openSync(fileIn(path, 1), flags)] as const;
  let active: 0 | 1 = 0;
  let generation = 1;
  let position = 0;
  let frame = Buffer.allocUnsafe(FRAME);
  let length = HEAD;
  /** Something may lie behind `position`. */
  let stray = false;
  const clear = (): void => {
    length = HEAD;
    if (frame.length > 16 * FRAME) frame = Buffer.allocUnsafe(FRAME);
  };
  const reserve = (bytes: number): void => {
    if (length + bytes <= frame.length) return;
    const larger = Buffer.allocUnsafe(2 * (length + bytes));
    frame.copy(larger, 0, 0, length);
    frame = larger;
  };
  return {
    add({ log, after, entries }) {
      const text = entries.length === 1 ? (entries[0] ?? "") : entries.join("");
      // No text has more bytes of UTF-8 than three for each unit; a long one is worth counting.
      const most = text.length > FRAME ? Buffer.byteLength(text) : 3 * text.length;
      reserve(FIXED + 4 * entries.length + most);
      frame.writeUIntBE(log, length, 6);
      frame.writeUIntBE(after, length + 6, 6);
      frame.writeUInt32LE(entries.length, length + 12);
      length += 16;
      for (const entry of entries) length = frame.writeUInt32LE(entry.length, length);
      const bytes = frame.write(text, length + 4);
      length = frame.writeUInt32LE(bytes, length) + bytes;
    },
    write() {
      if (length === HEAD) return false;
      frame.writeUInt32LE(length, 4);
      frame.writeDoubleLE(generation, 8);
      frame.writeUInt32LE(crc32(frame.subarray(4, length)), 0);
      stray = true;
      for (let done = 0; done < length;) {
        done += writeSync(files[active], frame, done, length - done, position + done);
      }
      return true;
    },
    keep() {
      if (length > HEAD) {
        position += length;
        stray = false;
      }
      clear();
    },
    drop() {
      clear();
      if (!stray) return;
      try {
        ftruncateSync(files[active], position);
        stray = false;
      } catch {
        // A disk may be too full even for that. What comes next lies over it.
      }
    },
    sync: () => promisify(fdatasync)(files[active]),
    turn() {
      if (position === 0 || stray) return;
      active = active === 0 ? 1 : 0;
      generation += 1;
      position = 0;
    },
    reset() {
      for (const file of files) {
        ftruncateSync(file);
        // Back after a crash, it would be taken for this session's: numbers of logs may come again.
        fdatasyncSync(file);
      }
    },
    remove() {
      for (const file of [0, 1] as const) rmSync(fileIn(path, file), { force: true });
    },
    close() {
      for (const file of files) closeSync(file);
    },
  };
}

/** What an earlier process left, oldest first. What is in the database already comes again. */
export function* readJournal(path: string): Generator<JournalEntry> {
  const left = ([0, 1] as const)
    .map((file) => read(fileIn(path, file)))
    .sort((a, b) => generationOf(a) - generationOf(b));
  for (const bytes of left) {
    for (const frame of frames(bytes)) yield* additions(frame);
  }
}

function fileIn(path: string, file: 0 | 1): string {
  return join(path, `journal-${file}`);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function generationOf(bytes: Buffer): number {
  return bytes.length < HEAD ? 0 : bytes.readDoubleLE(8);
}

/** Up to the first that is not whole, or is left from an older generation. */
function* frames(bytes: Buffer): Generator<Buffer> {
  const generation = generationOf(bytes);
  let start = 0;
  while (start + HEAD <= bytes.length) {
    const end = start + bytes.readUInt32LE(start + 4);
    const frame = bytes.subarray(start, end);
    if (end > bytes.length || frame.length <= HEAD || frame.readDoubleLE(8) !== generation) return;
    if (crc32(frame.subarray(4)) !== frame.readUInt32LE(0)) return;
    yield frame;
    start = end;
  }
}

function* additions(frame: Buffer): Generator<JournalEntry> {
  let at = HEAD;
  while (at < frame.length) {
    const log = frame.readUIntBE(at, 6);
    const after = frame.readUIntBE(at + 6, 6);
    const count = frame.readUInt32LE(at + 12);
    const lengths = at + 16;
    const start = lengths + 4 * count + 4;
    const end = start + frame.readUInt32LE(start - 4);
    const text = frame.toString("utf8", start, end);
    const entries: string[] = [];
    let from = 0;
    for (let index = 0; index < count; index += 1) {
      const to = from + frame.readUInt32LE(lengths + 4 * index);
      entries.push(text.slice(from, to));
      from = to;
    }
    yield { log, after, entries };
    at = end;
  }
}
