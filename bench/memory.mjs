// Do runs that are over stay in memory? `node bench/memory.mjs [--runs=10000] [--events=1000] [--only=disk]
// [--profile=/tmp/profiles]`. The node has core 0, Redis core 1.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { contenders } from "./contenders/memory.mjs";
import { startChild } from "./lib/child.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { memoryOf } from "./lib/proc.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { startRedis } from "./lib/redis.mjs";
import { saveResult } from "./lib/results.mjs";
import { makeScratch } from "./lib/scratch.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ heapMiB: number, anonMiB: number, fileMiB: number }} Status
 *
 * @typedef {object} Row
 * @property {number} runs
 * @property {number} logMiB of entries that the runs have
 * @property {Status} before after as many warm-up runs as the node has at once
 * @property {number} peakAnonMiB
 * @property {Status} after
 * @property {{ before: Status, after: Status }} [reopened] another process: as it starts; having listed and read
 * @property {number} [serverMiB] of Redis
 * @property {number} seconds
 */

const options = readOptions({ runs: 10_000, events: 1_000, only: "", profile: "", save: false });
const { events } = options;

/** What stays in memory by design is measured with a tenth of the runs. */
const MEMORY_SHARE = 10;
const WARM_RUNS = 40;
/** Of so many runs one is read. */
const EVERY = 100;
const CALL_MS = 600_000;

const scratch = makeScratch();
/** @type {Record<string, Row>} */
const result = {};
for (const [index, name] of select(Object.keys(contenders), options.only).entries()) {
  const row = await measure(name, join(scratch, String(index)));
  if (typeof row === "string") console.log(`${name} is left out: ${row}`);
  else result[name] = row;
}
print();
if (options.save) saveResult("memory", { settings: { runs: options.runs, events }, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {string} name @param {string} place @returns {Promise<Row | string>} */
async function measure(name, place) {
  const { outlives = false, redis = false } = contenders[name] ?? {};
  const runs = outlives ? options.runs : options.runs / MEMORY_SHARE;
  mkdirSync(place);
  const server = redis ? await startRedis(place) : undefined;
  const start = () => {
    const nodeArgs = ["--expose-gc", ...profileArgs(options.profile, name)];
    const args = [name, place, server?.url ?? ""];
    return startChild({ core: 0, file: "memory-child.mjs", args, nodeArgs, callMs: CALL_MS });
  };

  const node = await start();
  await node.call("produce", { runs: WARM_RUNS, events });
  const before = await node.call("status");
  const began = performance.now();
  const { peakAnonMiB, bytes } = await node.call("produce", { runs, events });
  const seconds = (performance.now() - began) / 1_000;
  const after = await node.call("status");
  const sought = { runs: WARM_RUNS + runs, events, every: EVERY };
  if (!outlives) {
    const fault = await node.call("look", sought);
    await node.stop();
    return fault ?? { runs, logMiB: bytes / 2 ** 20, before, peakAnonMiB, after, seconds };
  }
  await node.call("release");
  await node.stop();

  const other = await start();
  const opened = await other.call("status");
  const fault = await other.call("look", sought);
  const looked = await other.call("status");
  await other.call("release");
  await other.stop();
  const serverMiB = server ? { serverMiB: memoryOf("VmRSS", server.pid) } : {};
  await server?.close();
  const reopened = { before: opened, after: looked };
  return fault ?? { runs, logMiB: bytes / 2 ** 20, before, peakAnonMiB, after, reopened, ...serverMiB, seconds };
}

function print() {
  const head = ["contender", "runs", "log MiB", "", "heap MiB", "RssAnon", "RssFile", "Redis RSS", "s"];
  const rows = Object.entries(result).flatMap(([name, row]) => {
    const { runs, logMiB, before, peakAnonMiB, after, reopened, serverMiB, seconds } = row;
    const line = (/** @type {string} */ when, /** @type {Status} */ { heapMiB, anonMiB, fileMiB }) => {
      return ["", "", "", when, heapMiB.toFixed(1), anonMiB.toFixed(1), fileMiB.toFixed(1)];
    };
    const [, , , ...first] = line("before", before);
    return [
      [name, String(runs), logMiB.toFixed(0), ...first, serverMiB?.toFixed(0) ?? "-", seconds.toFixed(1)],
      ["", "", "", "most", "-", peakAnonMiB.toFixed(1)],
      line("after", after),
      ...(reopened ? [line("opened again", reopened.before), line("listed, read", reopened.after)] : []),
    ];
  });
  printTable(`memory: runs of ${events} events that are over`, head, rows);
}
