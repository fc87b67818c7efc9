import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { SluiceError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import type { CreateLog } from "../types.ts";

/**
 * What lies in the database. Every log has a number; numbers rise with every log made. Numbers, sequences and times
 * are 6 bytes, big-endian, so that keys sort by them. A hash is SHA-256: ids, owners and claims are texts of
 * strangers, of any length.
 *
 *     v                           the version of this layout
 *     i <hash of id>              number of the log
 *     r <number>                  its record, JSON
 *     b <number> <sequence>       a block of entries, by the sequence of its LAST one: the first key from (n, after + 1)
 *                                 on is the block that holds entry after + 1
 *     c <hash of owner and key>   claim: number of the log that holds it
 *     o <hash of owner> <number>  an owner's logs in the order of their making
 *     l <time> <number>           when the lease of an open log lapses
 *     x <time> <number>           when a closed log expires
 *     z <number>                  a closed log to be packed: up to this sequence it is
 *     d <number>                  a log that is gone, whose blocks are still to be removed
 */
export const VERSION = 1;

/** The value where the key says it all. */
export const PRESENT: Buffer = Buffer.from([1]);

/** All that a log is apart from its entries. */
export interface LogRecord extends Omit<CreateLog, "lease"> {
  readonly id: string;
  readonly createdAt: number;
  readonly fence: number;
  readonly lease?: { readonly holder: string; readonly ttlMs: number; readonly expiresAt: number };
  readonly stopRequested: boolean;
  readonly closed?: { readonly at: number; readonly summary?: JsonObject; readonly extent: Extent };
}

/** Where the entries of a log begin and end, and how many UTF-8 bytes they have. */
export interface Extent {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

/** Entries that are written as one value. */
export interface Pack {
  readonly entries: readonly string[];
  readonly text: string;
  readonly bytes: number;
}

const MOST = 2 ** 48 - 1;
// With the head of the value and of LMDB's page, a full block takes four pages of 4 KiB.
const PACK_BYTES = 16_000;

export function key(kind: string, ...parts: readonly (number | Buffer)[]): Buffer {
  return Buffer.concat([Buffer.from(kind), ...parts.map((part) => (typeof part === "number" ? number48(part) : part))]);
}

export function number48(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(Math.min(value, MOST), 0, 6);
  return bytes;
}

/** The number at the end of a key or a value. */
export function lastNumber(bytes: Buffer): number {
  return bytes.readUIntBE(bytes.length - 6, 6);
}

export function hash(...texts: readonly string[]): Buffer {
  return createHash("sha256").update(JSON.stringify(texts)).digest();
}

export function blockKey(log: number, last: number): Buffer {
  const bytes = Buffer.allocUnsafe(13);
  bytes[0] = 0x62; // b
  bytes.writeUIntBE(log, 1, 6);
  bytes.writeUIntBE(Math.min(last, MOST), 7, 6);
  return bytes;
}

export function encodeRecord(record: LogRecord): Buffer {
  return Buffer.from(JSON.stringify({ ...record, ttlMs: Math.min(record.ttlMs, Number.MAX_SAFE_INTEGER) }));
}

export function decodeRecord(bytes: Buffer): LogRecord {
  try {
    return JSON.parse(bytes.toString()) as LogRecord;
  } catch (error) {
    throw corrupt(error);
  }
}

/** Cuts entries into blocks of about `PACK_BYTES`; an entry is never cut. */
export function pack(entries: readonly string[]): readonly Pack[] {
  const packs: Pack[] = [];
  let from = 0;
  let size = 0;
  for (const [index, entry] of entries.entries()) {
    const bytes = Buffer.byteLength(entry) + 4;
    if (size > 0 && size + bytes > PACK_BYTES) {
      packs.push(packOf(entries.slice(from, index)));
      from = index;
      size = 0;
    }
    size += bytes;
  }
  if (from < entries.length) packs.push(packOf(from === 0 ? entries : entries.slice(from)));
  return packs;
}

function packOf(entries: readonly string[]): Pack {
  const text = entries.length === 1 ? (entries[0] ?? "") : entries.join("");
  return { entries, text, bytes: Buffer.byteLength(text) };
}

// A block: checksum of what follows (4), bytes of the log so far (8), its first sequence (8), number of entries (4),
// their lengths in UTF-16 units (4 each), all their text in UTF-8. One text is decoded at once and then cut.
const HEAD = 24;

/** @param extent of the log, up to and with this block: the newest block of an open log says how far it is */
export function encodeBlock(pack: Pack, extent: Extent): Buffer {
  const { entries, text, bytes } = pack;
  const start = HEAD + 4 * entries.length;
  const block = Buffer.allocUnsafe(start + bytes);
  block.writeDoubleLE(extent.bytes, 4);
  block.writeDoubleLE(extent.first, 12);
  block.writeUInt32LE(entries.length, 20);
  for (let index = 0; index < entries.length; index += 1) {
    block.writeUInt32LE(entries[index]?.length ?? 0, HEAD + 4 * index);
  }
  block.write(text, start);
  block.writeUInt32LE(crc32(block.subarray(4)), 0);
  return block;
}

export function decodeBlock(block: Buffer): readonly string[] {
  check(block);
  const count = block.readUInt32LE(20);
  const text = block.toString("utf8", HEAD + 4 * count);
  const entries: string[] = [];
  let from = 0;
  for (let index = 0; index < count; index += 1) {
    const to = from + block.readUInt32LE(HEAD + 4 * index);
    entries.push(text.slice(from, to));
    from = to;
  }
  return entries;
}

export function decodeExtent(block: Buffer, last: number): Extent {
  check(block);
  return { first: block.readDoubleLE(12), last, bytes: block.readDoubleLE(4) };
}

function check(block: Buffer): void {
  if (block.length < HEAD || crc32(block.subarray(4)) !== block.readUInt32LE(0)) throw corrupt();
}

export function corrupt(cause?: unknown): SluiceError {
  const message = "The log's file is damaged. Restore it from a copy, or move its directory away.";
  return new SluiceError("log/corrupt", message, { cause });
}
