// How does a server fare with thousands of live answers? `node bench/many.mjs [--runs=3000] [--seconds=6]
// [--perSecond=20] [--only=sluice] [--profile=/tmp/profiles]`. The server has core 0, the client core 1.
import { REFERENCE, contenders } from "./contenders/many.mjs";
import { startChild } from "./lib/child.mjs";
import { short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {object} Row
 * @property {number} p50Ms age of a token when its reader has it, from when it was due
 * @property {number} p99Ms
 * @property {number} mostMs
 * @property {number} cpuUs per token
 * @property {number} load of the server's event loop, from 0 to 1
 * @property {number} clientLoad
 * @property {number} rssMiB
 * @property {number} kibEach RSS per run and reader, tokens included
 */

const options = readOptions({ runs: 3_000, seconds: 6, perSecond: 20, only: "", profile: "", save: false });
const { runs, seconds, perSecond } = options;
const tokens = seconds * perSecond;
/** Tokens of a run that warms up, and how many of those there are. */
const WARM = { runs: 200, tokens: 40 };
/** Beyond the time that it takes. */
const GRACE_MS = 60_000;
const CALL_MS = 300_000;

const client = await startChild({ core: 1, file: "many-client.mjs", callMs: CALL_MS });
/** @type {Record<string, Row>} */
const result = {};
for (const name of select(Object.keys(contenders), options.only)) {
  const row = await measure(name);
  if (typeof row === "string") console.log(`${name} is left out: ${row}`);
  else result[name] = row;
}
await client.stop();
print();
if (options.save) saveResult("many", { reference: REFERENCE, settings: { runs, seconds, perSecond }, result });
if (options.profile !== "") printProfiles(options.profile);

/** Each has a process of its own; there is no second round: a first one lasts long enough. @param {string} name @returns {Promise<Row | string>} */
async function measure(name) {
  const server = await startChild({
    core: 0,
    file: "many-child.mjs",
    args: [name, String(1_000 / perSecond)],
    nodeArgs: ["--expose-gc", ...profileArgs(options.profile, name)],
    callMs: CALL_MS,
  });
  const warm = await pour(server, WARM.runs, WARM.tokens);
  const row = typeof warm === "string" ? warm : await pour(server, runs, tokens);
  await server.stop();
  return row;
}

/** @param {import("./lib/child.mjs").Child} server @param {number} count @param {number} each @returns {Promise<Row | string>} */
async function pour(server, count, each) {
  const { port, paths, emptyMiB } = await server.call("open", count);
  await client.call("join", { port, paths, tokens: each });
  await server.call("begin", each);
  const read = await client.call("last", { tokens: each, ms: (each / perSecond) * 1_000 + GRACE_MS });
  const { cpuMs, load, rssMiB } = await server.call("status");
  await server.call("over");
  await client.call("leave");
  if (read.fault !== undefined) return read.fault;
  return {
    p50Ms: read.p50Ms,
    p99Ms: read.p99Ms,
    mostMs: read.mostMs,
    cpuUs: (cpuMs * 1_000) / (count * each),
    load,
    clientLoad: read.load,
    rssMiB,
    kibEach: ((rssMiB - emptyMiB) * 1_024) / count,
  };
}

function print() {
  const raw = result[REFERENCE];
  const head = [
    "contender",
    "p50 ms",
    "p99",
    "most",
    "CPU us",
    "x raw",
    "server's loop",
    "client's",
    "RSS MiB",
    "KiB each",
  ];
  const rows = Object.entries(result).map(([name, row]) => [
    name,
    row.p50Ms.toFixed(1),
    row.p99Ms.toFixed(1),
    row.mostMs.toFixed(1),
    short(row.cpuUs),
    short(raw && row.cpuUs / raw.cpuUs),
    `${(100 * row.load).toFixed(0)} %`,
    `${(100 * row.clientLoad).toFixed(0)} %`,
    row.rssMiB.toFixed(0),
    row.kibEach.toFixed(1),
  ]);
  printTable(`many: ${runs} runs with a reader each, ${perSecond} tokens/s each, for ${seconds} s`, head, rows);
}
