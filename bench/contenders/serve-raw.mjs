import { constants, createBrotliCompress, createGzip } from "node:zlib";
import { eventAt, paceOf, pour } from "./source.mjs";
import { SSE_HEADERS, drained, listen, queryOf } from "./server.mjs";

/** @typedef {import("./server.mjs").Contender} Contender */

/** What everything else is measured against. */
export const REFERENCE = "raw: res.write(string)";

// As ours: the default of 11 is for files.
const BROTLI_QUALITY = 5;

/** Node alone: what anybody would write, and how far it can go. @type {Record<string, Contender>} */
export const rawContenders = {
  [REFERENCE]: {
    kind: "raw",
    long: "too",
    start: () =>
      listen(async (req, res) => {
        res.writeHead(200, SSE_HEADERS);
        await pour(queryOf(req.url), (event) => drained(res, res.write(concat(event))));
        res.end();
      }),
  },
  "raw: res.write(Buffer)": {
    kind: "raw",
    start: () =>
      listen(async (req, res) => {
        res.writeHead(200, SSE_HEADERS);
        await pour(queryOf(req.url), (event) => drained(res, res.write(Buffer.from(concat(event)))));
        res.end();
      }),
  },
  "raw: node gzip stream, flushed": compressed("gzip", () => createGzip({ flush: constants.Z_SYNC_FLUSH })),
  "raw: node brotli stream, flushed": compressed("br", () =>
    createBrotliCompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
    }),
  ),
  "limit: 16 KiB batches": {
    kind: "raw",
    start: () =>
      listen(async (req, res) => {
        res.writeHead(200, SSE_HEADERS);
        await inBatches(queryOf(req.url), 16_384, (batch) => drained(res, res.write(batch)));
        res.end();
      }),
  },
  "limit: socket.write, chunks framed by hand": {
    kind: "raw",
    start: () =>
      listen(async (req, res) => {
        const { socket } = res;
        if (!socket) return;
        socket.setNoDelay(true);
        socket.write(`${HEAD}\r\n`);
        await inBatches(queryOf(req.url), 32_768, (batch) => {
          const length = Buffer.byteLength(batch).toString(16);
          return drained(socket, socket.write(`${length}\r\n${batch}\r\n`));
        });
        socket.end("0\r\n\r\n");
      }),
  },
};

/**
 * Each event goes through Node's stream, which flushes it.
 *
 * @param {string} encoding
 * @param {() => import("node:zlib").Gzip | import("node:zlib").BrotliCompress} create
 * @returns {Contender}
 */
function compressed(encoding, create) {
  return {
    kind: "raw",
    long: "only",
    plain: REFERENCE,
    start: () =>
      listen(async (req, res) => {
        res.writeHead(200, { ...SSE_HEADERS, "content-encoding": encoding });
        const codec = create();
        codec.pipe(res);
        await pour(queryOf(req.url), (event) => drained(codec, codec.write(concat(event))));
        codec.end();
      }),
  };
}

const HEAD = [
  "HTTP/1.1 200 OK",
  ...Object.entries(SSE_HEADERS).map(([name, value]) => `${name}: ${value}`),
  "transfer-encoding: chunked",
  "connection: close",
  "",
].join("\r\n");

/** @param {import("./source.mjs").Event} event */
function concat({ id, event, data }) {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}

/**
 * A batch is full, or what there is before a pause.
 *
 * @param {import("./source.mjs").Query} query
 * @param {number} size
 * @param {(batch: string) => Promise<unknown> | undefined} write
 */
async function inBatches(query, size, write) {
  const pace = paceOf(query);
  let batch = "";
  const flush = () => {
    const full = write(batch);
    batch = "";
    return full;
  };
  for (let index = 0; index < query.n; index += 1) {
    batch += concat(eventAt(index));
    const full = pace || batch.length >= size ? flush() : undefined;
    if (full) await full;
    if (pace) await pace();
  }
  if (batch !== "") await flush();
}
