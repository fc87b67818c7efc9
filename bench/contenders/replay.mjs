import { setTimeout as sleep } from "node:timers/promises";
import { createSluice } from "sluice/http";
import { createMemoryLog } from "sluice/log";
import { createDiskLog } from "sluice/log/disk";
import { createRedisLog } from "sluice/log/redis";
import { peer } from "../lib/peer.mjs";
import { startRedis } from "../lib/redis.mjs";
import { SSE_HEADERS, drained, listen } from "./server.mjs";
import { itemAt } from "./source.mjs";

/**
 * @typedef {object} Contender
 * @property {"raw" | "sluice"} kind
 * @property {(place: string, n: number) => Promise<Started>} start with a run of `n` events that is over
 *
 * @typedef {object} Started
 * @property {number} port
 * @property {string} path of the run's events
 * @property {number} logBytes of the entries that the log holds for it
 */

/** What everything else is measured against. */
export const REFERENCE = "raw: res.write, 64 KiB of a Buffer at a time";

/** @type {Record<string, Contender>} */
export const contenders = {
  [REFERENCE]: { kind: "raw", start: (_, n) => raw(n) },
  "sluice: memory": { kind: "sluice", start: (_, n) => finished(createMemoryLog(), n) },
  "sluice: disk": { kind: "sluice", start: disk },
  "sluice: redis": { kind: "sluice", start: redis },
};

const OWNER = "bench";
const PIECE = 65_536;
/** Every event is to be sent as it was: joined deltas would be less work, and fewer bytes. */
const UNMERGED = { authorize: () => OWNER, mergeBehind: Number.POSITIVE_INFINITY };
const MAX_BYTES = 2 ** 30;

/** The bytes that the run would be sent as, from a run. @param {number} n */
async function raw(n) {
  const sluice = createSluice(UNMERGED);
  const { id, bytes: logBytes } = await produce(sluice, n);
  const answer = await sluice.handle(new Request(`http://localhost/runs/${id}/events`));
  const bytes = Buffer.from(await answer.arrayBuffer());
  const { port } = await listen(async (_, res) => {
    res.writeHead(200, SSE_HEADERS);
    for (let at = 0; at < bytes.length; at += PIECE) {
      const full = drained(res, res.write(bytes.subarray(at, at + PIECE)));
      if (full) await full;
    }
    res.end();
  });
  return { port, path: "/", logBytes };
}

/** As it is some time after a start: what a run has left in memory is gone, its blocks are packed. @param {string} path @param {number} n */
async function disk(path, n) {
  const first = await createDiskLog({ path });
  const made = await produce(createSluice({ store: first, ...UNMERGED }), n);
  await sleep(2_000);
  await first[Symbol.asyncDispose]();
  return serve(await createDiskLog({ path }), made);
}

/** @param {string} place @param {number} n */
async function redis(place, n) {
  const { Redis } = await peer("ioredis");
  const server = await startRedis(place);
  return finished(createRedisLog({ client: new Redis(server.url) }), n);
}

/** @param {import("sluice/log").LogStore} store @param {number} n */
async function finished(store, n) {
  return serve(store, await produce(createSluice({ store, ...UNMERGED }), n));
}

/** @param {import("sluice/log").LogStore} store @param {{ id: string, bytes: number }} run */
async function serve(store, { id, bytes }) {
  const sluice = createSluice({ store, ...UNMERGED });
  const { port } = await listen((req, res) => sluice.handleNode(req, res));
  return { port, path: `/runs/${id}/events`, logBytes: bytes };
}

/** @param {import("sluice/http").Sluice} sluice @param {number} n */
async function produce(sluice, n) {
  const { id } = await sluice.startRun({ owner: OWNER, limits: { maxBytes: MAX_BYTES } }, items(n));
  await sluice.runs.ended(id);
  const run = await sluice.runs.get(id);
  if (run?.status !== "finished") throw new Error(`The run is ${run?.status}: ${run?.error?.message}`);
  return run;
}

/** @param {number} n */
async function* items(n) {
  for (let index = 0; index < n; index += 1) yield itemAt(index);
}
