import { once } from "node:events";
import { createSluice } from "sluice/http";
import { createMemoryLog } from "sluice/log";
import { createSSEStream, encodeEvent, sseHeaders } from "sluice/sse";
import { itemAt, paceOf, pour } from "./source.mjs";
import { drained, listen, queryOf, toQuery } from "./server.mjs";

/**
 * @typedef {import("./server.mjs").Contender} Contender
 * @typedef {import("./source.mjs").Query} Query
 */

const CATCH_UP = "sluice: run, catch-up of a finished one";
const OWNER = "bench";
const COMPRESSED = { compression: true };
const GZIP = { "accept-encoding": "gzip" };
const BROTLI = { "accept-encoding": "br" };

/** @type {Record<string, Contender>} */
export const sluiceContenders = {
  "sluice: res.write(encodeEvent())": {
    kind: "sluice",
    start: () =>
      listen(async (req, res) => {
        res.writeHead(200, sseHeaders({ keepAlive: true }));
        await pour(queryOf(req.url), (event) => drained(res, res.write(encodeEvent(event))));
        res.end();
      }),
  },
  "sluice: createSSEStream": {
    kind: "sluice",
    start: () =>
      listen(async (req, res) => {
        const { stream, send, ready, close } = createSSEStream();
        res.writeHead(200, sseHeaders({ keepAlive: true }));
        const written = writeAll(stream, res);
        await pour(queryOf(req.url), (event) => (send(event) ? undefined : ready()));
        close();
        await written;
      }),
  },
  // All that the peers do not do: every event is checked, appended to a log that outlives the reader, read back from
  // it, worded and given an id from which any reader may resume.
  "sluice: run, POST /stream": { kind: "sluice", resumes: true, long: "too", start: () => startRuns({}) },
  // Without the run: entries as a run would have worded them, put into the log by a loop, and delivered.
  "sluice: log and delivery": { kind: "sluice", resumes: true, only: "rate", start: () => startDelivery({}) },
  "sluice: log and delivery, flushMs 100": {
    kind: "sluice",
    resumes: true,
    only: "rate",
    start: () => startDelivery({ flushMs: 100 }),
  },
  "sluice: run, flushMs 100": { kind: "sluice", resumes: true, only: "rate", start: () => startRuns({ flushMs: 100 }) },
  "sluice: run, gzip": { ...compressed("sluice: run, POST /stream"), start: () => startRuns(COMPRESSED, GZIP) },
  "sluice: run, brotli": {
    ...compressed("sluice: run, POST /stream"),
    long: "only",
    start: () => startRuns(COMPRESSED, BROTLI),
  },
  [CATCH_UP]: { kind: "sluice", resumes: true, only: "burst", long: "too", start: () => startCatchUp({}) },
  "sluice: run, catch-up, gzip": {
    ...compressed(CATCH_UP),
    long: "only",
    start: () => startCatchUp(COMPRESSED, GZIP),
  },
  "sluice: run, catch-up, brotli": {
    ...compressed(CATCH_UP),
    long: "only",
    start: () => startCatchUp(COMPRESSED, BROTLI),
  },
};

/** @param {string} plain */
function compressed(plain) {
  return /** @type {const} */ ({ kind: "sluice", resumes: true, long: "too", plain });
}

/**
 * @param {{ flushMs?: number, compression?: boolean }} options
 * @param {Record<string, string>} [headers] of the request
 */
async function startRuns(options, headers = {}) {
  const sluice = createSluice({
    ...options,
    authorize: () => OWNER,
    mergeBehind: Infinity,
    answer: ({ metadata = {} }) => items(toQuery(metadata)),
  });
  const { port } = await listen((req, res) => sluice.handleNode(req, res));
  return {
    port,
    ask: (/** @type {Query} */ query) => {
      const body = { message: { content: "Tell me." }, metadata: query };
      return { method: "POST", path: "/stream", body: JSON.stringify(body), headers };
    },
    reset: () => forget(sluice.runs),
  };
}

/**
 * @param {{ compression?: boolean }} options
 * @param {Record<string, string>} [headers] of the request
 */
async function startCatchUp(options, headers = {}) {
  const sluice = createSluice({ ...options, authorize: () => OWNER, mergeBehind: Infinity });
  const { port } = await listen((req, res) => sluice.handleNode(req, res));
  /** @type {Map<number, Promise<string>>} */
  const finished = new Map();

  const produce = async (/** @type {Query} */ query) => {
    const { id } = await sluice.startRun({ owner: OWNER }, items(query));
    await sluice.runs.ended(id);
    return id;
  };
  return {
    port,
    async ask(/** @type {Query} */ query) {
      const made = finished.get(query.n) ?? produce(query);
      finished.set(query.n, made);
      return { method: "GET", path: `/runs/${await made}/events`, headers };
    },
  };
}

/** @param {{ flushMs?: number }} options */
async function startDelivery(options) {
  const store = createMemoryLog();
  const sluice = createSluice({ ...options, store, authorize: () => OWNER, mergeBehind: Infinity });
  let made = 0;

  const produce = async (/** @type {string} */ id, /** @type {number} */ fence, /** @type {Query} */ query) => {
    const pace = paceOf(query);
    let expected = 0;
    const append = async (/** @type {object} */ event) => {
      await store.append(id, [JSON.stringify(event)], { expected, fence });
      expected += 1;
    };
    await append({ type: "start" });
    await append({ type: "text-start", id: "text-1" });
    for (let index = 0; index < query.n; index += 1) {
      await append({ type: "text-delta", id: "text-1", delta: itemAt(index) });
      if (pace) await pace();
    }
    await store.close(id, [JSON.stringify({ type: "finish", finishReason: "stop" })], { expected, fence });
  };
  const { port } = await listen(async (req, res) => {
    made += 1;
    const id = `run_${String(made).padStart(32, "0")}`;
    const lease = { holder: "bench", ttlMs: 600_000 };
    const created = await store.create(id, { owner: OWNER, meta: {}, ttlMs: 60_000, lease });
    if (created.created) void produce(id, created.fence, queryOf(req.url));
    await sluice.resumeToNode(req, res, id);
  });
  return { port };
}

/** A model that is never slow. @param {Query} query */
async function* items(query) {
  const pace = paceOf(query);
  for (let index = 0; index < query.n; index += 1) {
    yield itemAt(index);
    if (pace) await pace();
  }
}

/** The log of one round is no burden of the next. @param {import("sluice/http").Sluice["runs"]} runs */
async function forget(runs) {
  const page = await runs.list({ owner: OWNER, limit: 10_000 });
  for (const { id } of page.runs) {
    await runs.ended(id);
    await runs.delete(id);
  }
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @param {import("node:http").ServerResponse} res
 */
async function writeAll(stream, res) {
  for await (const chunk of stream) if (!res.write(chunk)) await once(res, "drain");
  res.end();
}
