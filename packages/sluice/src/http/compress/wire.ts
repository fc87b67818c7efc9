import { pieceFrom, type Piece } from "../delivery/piece.ts";
import { createBrotliContext, createGzipContext, type Context, type GzipContext } from "./context.ts";
import { DICTIONARY_BYTES, EMPTY_SUM, addToSum, deflateBlock, gzipHeader, gzipTrailer } from "./gzip.ts";
import type { Encoding } from "./negotiate.ts";

/** The compressor of one answer. Every piece comes out so that its reader sees all of it at once. */
export interface Wire {
  /** Before the first piece. */
  readonly head: Piece | undefined;
  write(piece: Piece): Piece;
  /** The last bytes of an answer that is complete. One that is broken off has none. */
  end(): Piece;
  /** Nothing was written for a while: what takes memory is let go of where that is possible. */
  rest(): void;
  close(): void;
}

/** What the compressed answers of a node share. */
export class Compression {
  /** What pieces became, for other readers who were sent the same before. */
  readonly made: WeakMap<Piece, Compressed> = new WeakMap();
  #contexts: number;

  /** @param contexts of zlib and brotli to keep: each takes 120 KiB (gzip) or up to 670 (brotli) */
  constructor(contexts: number) {
    this.#contexts = contexts;
  }

  get hasRoom(): boolean {
    return this.#contexts > 0;
  }

  take(): void {
    this.#contexts -= 1;
  }

  giveBack(): void {
    this.#contexts += 1;
  }
}

/** undefined where there is no room for one that cannot do without a context: then nothing is compressed. */
export function createWire(encoding: Encoding, compression: Compression): Wire | undefined {
  if (encoding === "gzip") return new GzipWire(compression);
  return compression.hasRoom ? new BrotliWire(compression) : undefined;
}

/** What a piece became after what was sent before it. */
interface Compressed {
  readonly before: Uint8Array;
  readonly piece: Piece;
  /** The end of what its readers have then. */
  readonly after: Uint8Array;
  /** Set by the second of those who are sent the piece: the first cannot know of them. */
  readonly company: { others: boolean };
}

const NOTHING = new Uint8Array();
const HEAD: Piece = pieceFrom(gzipHeader());

// So many pieces in a row that nobody else was sent say that a reader is alone: then a context costs less time.
const ALONE = 32;

/**
 * Keeps a sum and the last KiB that was sent, no context: a piece is compressed with that KiB as its dictionary, once for
 * all readers who were sent the same. A reader that is alone at its place, and busy, gets a context while there are any.
 */
class GzipWire implements Wire {
  readonly head: Piece = HEAD;
  readonly #shared: Compression;
  #sum = EMPTY_SUM;
  #before: Uint8Array = NOTHING;
  #alone = 0;
  /** Of the last piece, where this reader was its first. */
  #company: Compressed["company"] | undefined;
  #context: GzipContext | undefined;

  constructor(shared: Compression) {
    this.#shared = shared;
  }

  write(piece: Piece): Piece {
    const { bytes } = piece;
    if (this.#context) return pieceFrom(this.#context.push(bytes));
    const known = this.#shared.made.get(piece);
    const made = known && isSame(known.before, this.#before) ? known : compressed(piece, this.#before);
    if (known) known.company.others = true;
    else this.#shared.made.set(piece, made);
    this.#sum = addToSum(this.#sum, bytes);
    this.#before = made.after;
    // One of many is first at every piece, and learns of the others with the next one.
    if (known || this.#company?.others) this.#alone = 0;
    else this.#aloneAgain();
    this.#company = known ? undefined : made.company;
    return made.piece;
  }

  end(): Piece {
    const sum = this.#context ? this.#context.sum() : this.#sum;
    this.close();
    return pieceFrom(gzipTrailer(sum));
  }

  rest(): void {
    this.#before = NOTHING;
    if (!this.#context) return;
    this.#sum = this.#context.sum();
    this.close();
  }

  close(): void {
    this.#alone = 0;
    if (!this.#context) return;
    this.#context.close();
    this.#context = undefined;
    this.#shared.giveBack();
  }

  #aloneAgain(): void {
    this.#alone += 1;
    if (this.#alone < ALONE || !this.#shared.hasRoom) return;
    this.#shared.take();
    this.#context = createGzipContext({ after: { sum: this.#sum, dictionary: this.#before } });
    this.#before = NOTHING;
  }
}

function compressed({ bytes }: Piece, before: Uint8Array): Compressed {
  const company = { others: false };
  return { before, piece: pieceFrom(deflateBlock(bytes, before)), after: lastOf(before, bytes), company };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}

/** A copy: the pieces themselves are not to be kept. */
function lastOf(before: Uint8Array, bytes: Uint8Array): Uint8Array {
  const size = Math.min(DICTIONARY_BYTES, before.byteLength + bytes.byteLength);
  const last = new Uint8Array(size);
  const own = Math.min(size, bytes.byteLength);
  last.set(bytes.subarray(bytes.byteLength - own), size - own);
  if (own < size) last.set(before.subarray(before.byteLength - (size - own)));
  return last;
}

class BrotliWire implements Wire {
  readonly head: Piece | undefined = undefined;
  readonly #shared: Compression;
  #begun = false;
  // Made with the first bytes: an answer may never be sent.
  #context: Context | undefined;

  constructor(shared: Compression) {
    this.#shared = shared;
  }

  write(piece: Piece): Piece {
    const first = !this.#begun;
    this.#begun = true;
    if (first && this.#shared.hasRoom) {
      this.#context = createBrotliContext();
      this.#shared.take();
    }
    // Promised to many at the same moment, the room may be gone, and the headers are out.
    return pieceFrom(this.#context ? this.#context.push(piece.bytes) : storedInBrotli(piece.bytes, first));
  }

  end(): Piece {
    const last = this.#context?.end() ?? (this.#begun ? LAST_OF_BROTLI : EMPTY_BROTLI);
    this.close();
    return pieceFrom(last);
  }

  rest(): void {
    // Its context cannot be made anew: the next bytes depend on it.
  }

  close(): void {
    if (!this.#context) return;
    this.#context.close();
    this.#context = undefined;
    this.#shared.giveBack();
  }
}

/** An empty last block. */
const LAST_OF_BROTLI: Uint8Array = Uint8Array.of(0x03);
/** The same where nothing came before it: bare text may be empty. */
const EMPTY_BROTLI: Uint8Array = Uint8Array.of(0x06);
const STORED_MOST = 65_536;

/** As blocks that are not compressed (RFC 7932, section 9.2), for which no context is needed. */
function storedInBrotli(bytes: Uint8Array, first: boolean): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength; at += STORED_MOST) {
    const block = bytes.subarray(at, at + STORED_MOST);
    // Of a stream's first block one bit more comes before: a window of 64 KiB.
    const bits = first && at === 0 ? 1 : 0;
    const header = ((block.byteLength - 1) << (3 + bits)) | (1 << (19 + bits));
    parts.push(Uint8Array.of(header & 255, (header >> 8) & 255, header >> 16), block);
  }
  return Buffer.concat(parts);
}
