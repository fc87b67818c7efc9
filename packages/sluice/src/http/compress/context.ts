import { constants } from "node:zlib";
import { BrotliCompress, DeflateRaw } from "minizlib";
import { EMPTY_SUM, addToSum, gzipHeader, gzipTrailer, type GzipSum } from "./gzip.ts";

/**
 * One answer's compressor with a zlib or brotli context of its own. It works synchronously: 3 us per small event,
 * where Node's streams take 50, most of it for crossing threads. A context is native memory: whoever creates one closes it.
 */
export interface Context {
  /** @returns what makes the decoder hand out all of `bytes` at once; empty for no bytes */
  push(bytes: Uint8Array): Uint8Array;
  /** The last bytes of an answer that is complete. Closes. */
  end(): Uint8Array;
  /** Frees the memory; twice is fine. Afterwards `push` and `end` throw. */
  close(): void;
}

export interface GzipContext extends Context {
  /** Of all that was pushed, also when closed: with it the member is continued by `deflateBlock`. */
  sum(): GzipSum;
}

export interface GzipContextOptions {
  /** Continues a member whose header was sent: `dictionary` is the end of its content so far, as for `deflateBlock`. */
  readonly after?: { readonly sum: GzipSum; readonly dictionary: Uint8Array };
}

/**
 * About 120 KiB of memory, 3.3 us per event. Bytes of small events beside gzip-6, and KiB, by windowBits: 10 +12 %, 80;
 * 12 +3 %, 93; 13 -2 to 0 %, 110; 15 -6 %, 207 (gzip-6: 220). memLevel 4 instead of 1: 6 KiB for larger blocks.
 */
const GZIP = { level: 8, windowBits: 13, memLevel: 4, chunkSize: 1_024, flush: constants.Z_SYNC_FLUSH };

export function createGzipContext(options: GzipContextOptions = {}): GzipContext {
  const { after } = options;
  let sum = after?.sum ?? EMPTY_SUM;
  let header = after === undefined ? gzipHeader() : NOTHING;
  const settings = { ...GZIP, dictionary: after?.dictionary ?? NOTHING };
  const deflate = new DeflateRaw(settings);

  const withHeader = (bytes: Uint8Array): Uint8Array => {
    if (header.byteLength === 0) return bytes;
    const whole = Buffer.concat([header, bytes]);
    header = NOTHING;
    return whole;
  };

  return {
    push(bytes) {
      const block = write(deflate, bytes);
      if (block.byteLength === 0) return block;
      sum = addToSum(sum, bytes);
      return withHeader(block);
    },
    end() {
      assertOpen(deflate);
      deflate.close();
      return withHeader(gzipTrailer(sum));
    },
    close: () => deflate.close(),
    sum: () => sum,
  };
}

/**
 * For clients that take no gzip. Bytes of small events beside gzip-6: +9 to 23 %, 6 us, 320 KiB that grow to 670 within a
 * long answer. Quality 2 to 4: +15 to 180 %, 300 to 680 KiB; a smaller lgwin saves no memory, one above 16 takes 1 MiB.
 */
const BROTLI = {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_LGWIN]: 16,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
  },
  chunkSize: 1_024,
  flush: constants.BROTLI_OPERATION_FLUSH,
};

export function createBrotliContext(): Context {
  const settings = { ...BROTLI };
  const brotli = new BrotliCompress(settings);
  return {
    push: (bytes) => write(brotli, bytes),
    end() {
      assertOpen(brotli);
      brotli.end();
      const rest = brotli.read() ?? NOTHING;
      brotli.close();
      return rest;
    },
    close: () => brotli.close(),
  };
}

const NOTHING = new Uint8Array();

/** A flush with nothing new costs bytes and says nothing. */
function write(codec: DeflateRaw | BrotliCompress, bytes: Uint8Array): Uint8Array {
  assertOpen(codec);
  if (bytes.byteLength === 0) return NOTHING;
  // A view: minizlib takes Buffers only, and Node looks at the bytes alone.
  codec.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return codec.read() ?? NOTHING;
}

function assertOpen(codec: DeflateRaw | BrotliCompress): void {
  if (codec.handle === undefined) throw new Error("This compression context is closed.");
}
