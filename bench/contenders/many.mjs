import { createSluice } from "sluice/http";
import { SSE_HEADERS, listen } from "./server.mjs";
import { createWheel } from "./wheel.mjs";

/**
 * @typedef {object} Contender
 * @property {(everyMs: number) => Promise<Started>} start
 *
 * @typedef {object} Started
 * @property {number} port
 * @property {(runs: number) => Promise<readonly string[]>} open the paths of so many answers
 * @property {(tokens: number) => void} begin all of them get so many tokens
 * @property {() => Promise<void>} over
 */

/** What everything else is measured against. */
export const REFERENCE = "raw: res.write(string)";

/** @type {Record<string, Contender>} */
export const contenders = {
  [REFERENCE]: { start: startRaw },
  "sluice: run, maxFlushMs 250": { start: (everyMs) => startSluice(everyMs, { maxFlushMs: 250 }) },
  "sluice: run": { start: (everyMs) => startSluice(everyMs, {}) },
};

const OWNER = "bench";
/** Runs are started so many at a time. */
const BATCH = 250;

/** @param {number} everyMs @returns {Promise<Started>} */
async function startRaw(everyMs) {
  /** Of the answers that somebody reads. @type {Map<string, import("./server.mjs").Response>} */
  const readers = new Map();
  const wheel = createWheel(everyMs);
  const { port } = await listen((req, res) => {
    res.writeHead(200, SSE_HEADERS);
    res.flushHeaders();
    readers.set(req.url ?? "", res);
  });
  /** @type {Promise<void>[]} */
  let pouring = [];
  return {
    port,
    async open(runs) {
      const paths = Array.from({ length: runs }, (_, run) => `/${run}`);
      pouring = paths.map(async (path) => {
        let id = 0;
        for await (const content of wheel.tokens()) {
          id += 1;
          readers.get(path)?.write(`id: ${id}\nevent: chunk\ndata: ${JSON.stringify({ content })}\n\n`);
        }
        readers.get(path)?.end();
        readers.delete(path);
      });
      return paths;
    },
    begin: wheel.begin,
    over: async () => void (await Promise.all(pouring)),
  };
}

/** @param {number} everyMs @param {{ maxFlushMs?: number }} options @returns {Promise<Started>} */
async function startSluice(everyMs, options) {
  const sluice = createSluice({ authorize: () => OWNER, ...options });
  const wheel = createWheel(everyMs);
  const { port } = await listen((req, res) => sluice.handleNode(req, res));
  /** @type {string[]} */
  let ids = [];
  return {
    port,
    async open(runs) {
      ids = [];
      while (ids.length < runs) {
        const batch = Array.from({ length: Math.min(BATCH, runs - ids.length) }, () =>
          sluice.startRun({ owner: OWNER }, wheel.tokens()),
        );
        ids.push(...(await Promise.all(batch)).map(({ id }) => id));
      }
      return ids.map((id) => `/runs/${id}/events`);
    },
    begin: wheel.begin,
    async over() {
      for (const id of ids) {
        await sluice.runs.ended(id);
        await sluice.runs.delete(id);
      }
    },
  };
}
