// What does a reader cost who takes nothing? `node bench/stalled.mjs [--mb=30] [--readers=40] [--only=sluice]`. The server
// has core 0, the client core 1.
import { REFERENCE, contenders, namesIn } from "./contenders/live.mjs";
import { checkLive, startLive, startLiveClient } from "./lib/live.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { saveResult } from "./lib/results.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ heldKiB: number, rssKiB: number }} Size
 * @typedef {object} Row per reader, above one that is idle; kernel buffers are not the process's
 * @property {number} readers
 * @property {Size} live the answer is made while they are there
 * @property {Size} [late] it is all there when they come
 *
 * @typedef {import("./lib/child.mjs").Child} Child
 * @typedef {import("./contenders/parts.mjs").Plan} Plan
 * @typedef {{ rss: number, held: number }} Memory
 */

const options = readOptions({ mb: 30, readers: 40, only: "", save: false });
/** Characters of a part, which bulk has. */
const PART = 200;
/** Who keeps everything for each reader is asked for a few. */
const FEW = 4;
/** @type {Plan} */
const bulk = { kind: "bulk", n: Math.round((options.mb * 1e6) / PART) };

const client = await startLiveClient();
/** @type {Record<string, Row>} */
const result = {};
for (const name of select(namesIn("stalled"), options.only)) {
  const row = await measure(name);
  if (typeof row === "string") console.log(`${name} is left out: ${row}`);
  else result[name] = row;
}
await client.stop();
print();
if (options.save) saveResult("stalled", { reference: REFERENCE, settings: { mb: options.mb }, result });

/** @param {string} name @returns {Promise<Row | string>} */
async function measure(name) {
  const server = await startLive(name, "");
  // One that has a log needs no more memory for each of many; what the others take is told from a few.
  const keeps = contenders[name]?.merges === true;
  const readers = keeps ? options.readers : FEW;
  const plan = { ...bulk, n: 5_000 };
  const { fault } = await checkLive({ server, client, plan, readers: 2, merges: keeps });
  if (fault !== undefined) {
    await server.stop();
    return fault;
  }

  const before = await memory();
  const made = await pour(bulk, 0);
  const withLog = await memory();
  await pour({ kind: "one", n: 1 }, readers);
  const withIdle = await memory();
  await pour(bulk, readers);
  const withLive = await memory();
  const idle = less(withIdle, withLog);
  const live = less(less(less(withLive, withIdle), less(withLog, before)), idle);
  if (!keeps) return finish({ readers, live: each(live, readers) });
  await stall(made, readers);
  const late = less(less(await memory(), withLive), idle);
  return finish({ readers, live: each(live, readers), late: each(late, readers) });

  /** @returns {Promise<Memory>} */
  async function memory() {
    return server.call("memory");
  }
  /** @param {Row} row */
  async function finish(row) {
    await client.call("leave");
    await server.stop();
    return row;
  }
  /** @param {{ path: string }} ask @param {number} count */
  async function stall(ask, count) {
    await client.call("join", { ask, readers: count, paused: true });
    await server.call("quiet");
  }
  /** All of an answer, with readers that take nothing. @param {Plan} what @param {number} count */
  async function pour(what, count) {
    const ask = await server.call("open", what);
    if (count > 0) await stall(ask, count);
    await server.call("begin", ask.path);
    await server.call("poured", ask.path);
    await server.call("quiet");
    return ask;
  }
}

/** @param {Memory} of @param {Memory} by @returns {Memory} */
function less(of, by) {
  return { rss: of.rss - by.rss, held: of.held - by.held };
}

/** @param {Memory} all @param {number} readers @returns {Size} */
function each({ rss, held }, readers) {
  return { heldKiB: held / readers / 1_024, rssKiB: rss / readers / 1_024 };
}

function print() {
  const cells = (/** @type {Size | undefined} */ size) => {
    return size ? [size.heldKiB.toFixed(1), size.rssKiB.toFixed(1)] : ["-", "-"];
  };
  const head = ["contender", "readers", "live: KiB held", "RSS", "late: KiB held", "RSS"];
  const rows = Object.entries(result).map(([name, { readers, live, late }]) => {
    return [name, String(readers), ...cells(live), ...cells(late)];
  });
  printTable(`stalled: a reader that takes nothing of ${options.mb} MB, above one that is idle`, head, rows);
}
