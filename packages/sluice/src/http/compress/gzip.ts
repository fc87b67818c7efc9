import { constants, crc32, deflateRawSync } from "node:zlib";

/**
 * A gzip member without a zlib context: `gzipHeader`, then a `deflateBlock` per flush, then `gzipTrailer`. The blocks of a
 * kept context (`context.ts`) fit into the same member, so an answer can change between the two at any flush.
 * An answer that is broken off has no trailer.
 */
export function gzipHeader(): Uint8Array {
  return Buffer.from(HEADER);
}

/**
 * How much of what was sent before is worth giving as dictionary. Bytes and CPU per event of 50 to 290 bytes, beside one
 * gzip-6 context: 1 KiB +8 to 12 %, 6.5 us; 2 KiB +5 to 8 %, 7.7 us; 4 KiB +2 to 4 %, 10 us; 8 KiB -2 to 0 %, 15 us.
 */
export const DICTIONARY_BYTES = 1_024;

/**
 * The bytes as deflate blocks that end on a byte border, so a decoder has all of `data` at once. The result depends on
 * the two arguments alone: readers at the same place share it.
 *
 * It ends in an empty stored block (Z_SYNC_FLUSH). A partial flush would save 4 bytes, but Go's decoder, and so every
 * Go client, hands out nothing until it sees that block.
 *
 * @param dictionary what the decoder was given right before `data`, heartbeats and all: any length, only the end counts.
 * Other bytes than those make the member corrupt, and the decoder notices at the trailer at the earliest.
 */
export function deflateBlock(data: Uint8Array, dictionary: Uint8Array): Uint8Array {
  if (data.byteLength === 0) return new Uint8Array();
  const history = dictionary.subarray(-WINDOW);
  return deflateRawSync(data, {
    level: data.byteLength <= SMALL ? SMALL_LEVEL : LEVEL,
    windowBits: windowBitsFor(history.byteLength + data.byteLength),
    chunkSize: Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, data.byteLength)),
    finishFlush: constants.Z_SYNC_FLUSH,
    dictionary: history,
  });
}

/** The end of a member that holds what the sum was made over. */
export function gzipTrailer(sum: GzipSum): Uint8Array {
  const trailer = Buffer.alloc(LAST_BLOCK.length + 8);
  trailer.set(LAST_BLOCK);
  trailer.writeUInt32LE(sum.crc, LAST_BLOCK.length);
  trailer.writeUInt32LE(sum.length, LAST_BLOCK.length + 4);
  return trailer;
}

/** What a member needs to know about its content so far: all that a connection keeps. */
export interface GzipSum {
  readonly crc: number;
  /** Modulo 2^32, as the trailer has it. */
  readonly length: number;
}

export const EMPTY_SUM: GzipSum = { crc: 0, length: 0 };

export function addToSum(sum: GzipSum, data: Uint8Array): GzipSum {
  return { crc: crc32(data, sum.crc), length: (sum.length + data.byteLength) % 2 ** 32 };
}

/** Deflate, no name, no time, system unknown. */
const HEADER: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/** A final block of fixed codes with nothing in it. */
const LAST_BLOCK: readonly number[] = [0x03, 0x00];

const WINDOW = 32_768;
/** zlib keeps this much of its window for looking ahead. */
const LOOKAHEAD = 262;
/** Level 8 saves 5 % of a small event and costs no time there. Of 16 KiB of text it costs 2.2 times as much as level 6. */
const SMALL = 1_024;
const SMALL_LEVEL = 8;
const LEVEL = 6;
/** zlib's piece of output. Node's default of 16 KiB costs an allocation outside of its pool: 2 us. */
const MIN_CHUNK = 256;
const MAX_CHUNK = 16_384;

/** The smallest window over all of it: zlib clears the window first, and for 32 KiB that takes longer than an event. */
function windowBitsFor(bytes: number): number {
  return Math.min(15, Math.max(10, Math.ceil(Math.log2(bytes + LOOKAHEAD))));
}
