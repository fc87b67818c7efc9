import { open, type FileHandle } from "node:fs/promises";
import { corrupt } from "./layout.ts";

// LMDB's data format 2 (`MDB_page`, `MDB_meta`, `MDB_node` in its mdb.c), little-endian. Offsets in bytes.
const MAGIC = 0xbe_ef_c0_de;
const FORMAT = 2;
const HEAD = 24;
const META = { magic: 24, format: 28, pageSize: 48, root: 88, last: 144, transaction: 152, length: 168 } as const;
const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const KIND = 0x0f;
const NODE = 8;
const ELSEWHERE = 0x01;
const NO_PAGE = -1;

interface Meta {
  readonly pageSize: number;
  readonly root: number;
  /** The last page of the file that is in use. */
  readonly last: number;
  readonly transaction: number;
}

/**
 * Checks the list of free pages, which no key leads to. LMDB trusts it: garbage there may kill the process, when the
 * next entry is written, or go unnoticed and give pages away that are in use. Which of them depends on what lies behind
 * the file in memory, so reading it in another process proves nothing.
 * @returns the pages that hold the list; none of a file that has another format, or is not there
 * @throws SluiceError `log/corrupt`; what kept it from reading
 */
export async function checkFreeList(path: string): Promise<readonly number[]> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!file) return [];
  try {
    const meta = await newestMeta(file);
    return meta === undefined ? [] : await walk(file, meta);
  } finally {
    await file.close();
  }
}

async function newestMeta(file: FileHandle): Promise<Meta | undefined> {
  const first = await metaAt(file, 0);
  const second = first && (await metaAt(file, first.pageSize));
  return second && second.transaction > first.transaction ? second : first;
}

async function metaAt(file: FileHandle, start: number): Promise<Meta | undefined> {
  const bytes = await read(file, start, META.length);
  if (bytes.length < META.length) return undefined;
  if (bytes.readUInt32LE(META.magic) !== MAGIC || bytes.readUInt32LE(META.format) !== FORMAT) return undefined;
  const pageSize = bytes.readUInt32LE(META.pageSize);
  if (pageSize < 256 || pageSize > 65_536) throw corrupt();
  return {
    pageSize,
    root: number64(bytes, META.root),
    last: number64(bytes, META.last),
    transaction: number64(bytes, META.transaction),
  };
}

async function walk(file: FileHandle, meta: Meta): Promise<readonly number[]> {
  const seen: number[] = [];
  const unread = meta.root === NO_PAGE ? [] : [meta.root];
  for (let page = unread.pop(); page !== undefined; page = unread.pop()) {
    seen.push(page);
    const bytes = await pageAt(file, meta, page, 1);
    const kind = bytes.readUInt16LE(18) & KIND;
    if ((kind !== BRANCH && kind !== LEAF) || seen.length > meta.last) throw corrupt();
    for (const node of nodesIn(bytes)) {
      if (kind === BRANCH) unread.push(childOf(bytes, node));
      else seen.push(...(await checkRecord(file, meta, bytes, node)));
    }
  }
  return seen;
}

/** Places of the nodes of a page. */
function nodesIn(bytes: Buffer): readonly number[] {
  const [lower, upper, room] = [bytes.readUInt16LE(20), bytes.readUInt16LE(22), bytes.length - HEAD];
  if (lower % 2 !== 0 || lower > upper || upper > room) throw corrupt();
  return Array.from({ length: lower / 2 }, (_, index) => {
    const at = bytes.readUInt16LE(HEAD + 2 * index);
    if (at < upper || at + NODE > room) throw corrupt();
    return HEAD + at;
  });
}

// A branch keeps the upper word of a page's number where a leaf keeps flags.
function childOf(bytes: Buffer, node: number): number {
  return bytes.readUInt16LE(node) + bytes.readUInt16LE(node + 2) * 2 ** 16 + bytes.readUInt16LE(node + 4) * 2 ** 32;
}

/** A record: what one transaction has freed, under the transaction's number. @returns the pages behind the leaf */
async function checkRecord(file: FileHandle, meta: Meta, bytes: Buffer, node: number): Promise<readonly number[]> {
  const size = bytes.readUInt16LE(node) + bytes.readUInt16LE(node + 2) * 2 ** 16;
  const value = node + NODE + bytes.readUInt16LE(node + 6);
  const elsewhere = (bytes.readUInt16LE(node + 4) & ELSEWHERE) !== 0;
  if (value !== node + NODE + 8 || value + (elsewhere ? 8 : size) > bytes.length) throw corrupt();
  if (!(number64(bytes, node + NODE) <= meta.transaction)) throw corrupt();
  if (!elsewhere) {
    checkPages(bytes.subarray(value, value + size), meta);
    return [];
  }
  const page = number64(bytes, value);
  const pages = Math.ceil((HEAD + size) / meta.pageSize);
  const long = await pageAt(file, meta, page, pages);
  if ((long.readUInt16LE(18) & KIND) !== OVERFLOW || long.readUInt32LE(20) < pages) throw corrupt();
  checkPages(long.subarray(HEAD, HEAD + size), meta);
  return Array.from({ length: pages }, (_, index) => page + index);
}

/** How many numbers there are, and then pages; a negative number says how many there are from the next one on. */
function checkPages(list: Buffer, { last }: Meta): void {
  const count = list.length < 8 ? Number.NaN : number64(list, 0);
  if (!(count >= 0 && 8 * (count + 1) <= list.length)) throw corrupt();
  for (let at = 8; at <= 8 * count; at += 8) {
    if (Math.abs(number64(list, at)) > last) throw corrupt();
  }
}

async function pageAt(file: FileHandle, meta: Meta, page: number, pages: number): Promise<Buffer> {
  if (!(page > 1 && page + pages - 1 <= meta.last)) throw corrupt();
  const bytes = await read(file, page * meta.pageSize, pages * meta.pageSize);
  if (bytes.length < pages * meta.pageSize || number64(bytes, 0) !== page) throw corrupt();
  return bytes;
}

async function read(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

function number64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigInt64LE(at));
}
