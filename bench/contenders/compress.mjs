import { once } from "node:events";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
// No public names: an application has no use for them. What is compared is a flush, which no answer shows alone.
import { createBrotliContext, createGzipContext } from "../../packages/sluice/dist/http/compress/context.js";
import * as gzip from "../../packages/sluice/dist/http/compress/gzip.js";
import { peer } from "../lib/peer.mjs";

const { EMPTY_SUM, addToSum, deflateBlock, gzipHeader, gzipTrailer } = gzip;

/**
 * @typedef {object} Connection one answer
 * @property {(frame: Uint8Array) => Uint8Array | Promise<Uint8Array>} push what is written for it: decodable at once
 * @property {() => Uint8Array | Promise<Uint8Array>} end
 * @property {() => void} close
 *
 * @typedef {(log: Uint8Array) => Connection} Open the log holds what will be pushed, as a server's log does
 *
 * @typedef {object} Compressor
 * @property {"raw" | "sluice"} kind
 * @property {"gzip" | "br"} encoding
 * @property {number} connections how many it takes to see the memory of one
 * @property {() => Promise<Open>} load
 */

/** What everything else is measured against: the same library as ours, with zlib's usual settings. */
export const REFERENCE = "raw: one gzip-6 context";

/** @type {Record<string, Compressor>} */
export const compressors = {
  [REFERENCE]: {
    kind: "raw",
    encoding: "gzip",
    connections: 1_000,
    async load() {
      const { Gzip } = await peer("minizlib");
      return () => synchronous(new Gzip({ level: 6, flush: constants.Z_SYNC_FLUSH }));
    },
  },
  "raw: node stream, gzip-6": nodeStream("gzip", () => createGzip({ level: 6, flush: constants.Z_SYNC_FLUSH })),
  "raw: node stream, brotli-4": nodeStream("br", () =>
    createBrotliCompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
    }),
  ),
  "sluice: kept gzip": {
    kind: "sluice",
    encoding: "gzip",
    connections: 1_000,
    load: async () => () => createGzipContext(),
  },
  "sluice: kept brotli": {
    kind: "sluice",
    encoding: "br",
    connections: 1_000,
    load: async () => () => createBrotliContext(),
  },
  "sluice: stateless gzip, 1 KiB": stateless(1_024),
  "sluice: stateless gzip, 2 KiB": stateless(2_048),
  "sluice: stateless gzip, 4 KiB": stateless(4_096),
  "sluice: stateless gzip, 8 KiB": stateless(8_192),
};

/** @param {any} codec @returns {Connection} */
function synchronous(codec) {
  return {
    push: (frame) => (codec.write(frame), codec.read()),
    end: () => (codec.end(), codec.read()),
    close: () => codec.close(),
  };
}

/**
 * @param {"gzip" | "br"} encoding
 * @param {() => import("node:zlib").Gzip | import("node:zlib").BrotliCompress} create
 * @returns {Compressor}
 */
function nodeStream(encoding, create) {
  const open = () => {
    const stream = create();
    /** @type {Uint8Array[]} */
    let chunks = [];
    const take = () => {
      const [first] = chunks;
      const whole = chunks.length === 1 && first ? first : Buffer.concat(chunks);
      chunks = [];
      return whole;
    };
    stream.on("data", (chunk) => chunks.push(chunk));
    return {
      push: (/** @type {Uint8Array} */ frame) => new Promise((resolve) => stream.write(frame, () => resolve(take()))),
      async end() {
        stream.end();
        await once(stream, "end");
        return take();
      },
      close: () => void stream.destroy(),
    };
  };
  return { kind: "raw", encoding, connections: 1_000, load: async () => open };
}

/** @param {number} size of the dictionary @returns {Compressor} */
function stateless(size) {
  /** @type {Open} */
  const open = (log) => {
    let sum = EMPTY_SUM;
    return {
      push(frame) {
        const at = sum.length;
        const block = deflateBlock(frame, log.subarray(Math.max(0, at - size), at));
        sum = addToSum(sum, frame);
        return at === 0 ? Buffer.concat([gzipHeader(), block]) : block;
      },
      end: () => gzipTrailer(sum),
      close: () => {},
    };
  };
  return { kind: "sluice", encoding: "gzip", connections: 50_000, load: async () => open };
}
