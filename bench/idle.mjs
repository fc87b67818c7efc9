// What does a stream cost on which nothing happens? `node bench/idle.mjs [--conns=4000] [--rounds=2] [--only=sluice]`. The
// server has core 0, the client core 1.
import { REFERENCE, namesIn } from "./contenders/live.mjs";
import { startLive, startLiveClient } from "./lib/live.mjs";
import { median } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

/** @typedef {{ rssKiB: number, heldKiB: number }} Row per connection: of the process, and of JavaScript */

const options = readOptions({ conns: 4_000, warm: 400, rounds: 2, only: "", save: false });
const { conns, warm } = options;

const client = await startLiveClient();
/** @type {Map<string, Row[]>} */
const measured = new Map();
await interleave(select(namesIn("idle"), options.only), options.rounds, async (name) => {
  const row = await measure(name);
  if (typeof row === "string") console.log(`${name} is left out: ${row}`);
  else measured.set(name, [...(measured.get(name) ?? []), row]);
});
await client.stop();
const result = Object.fromEntries(
  [...measured].map(([name, rows]) => [
    name,
    { rssKiB: median(rows.map(({ rssKiB }) => rssKiB)), heldKiB: median(rows.map(({ heldKiB }) => heldKiB)) },
  ]),
);
print();
if (options.save) saveResult("idle", { reference: REFERENCE, settings: { conns }, result });

/** Of a process that has had connections before. @param {string} name @returns {Promise<Row | string>} */
async function measure(name) {
  const server = await startLive(name, "");
  try {
    await hold(warm);
    await client.call("leave");
    const before = await server.call("memory");
    await hold(conns);
    const after = await server.call("memory");
    return {
      rssKiB: (after.rss - before.rss) / conns / 1_024,
      heldKiB: (after.held - before.held) / conns / 1_024,
    };
  } catch (error) {
    return String(error);
  } finally {
    await client.call("leave");
    await server.stop();
  }

  /** The gate: each of them has the one part that there is. @param {number} readers */
  async function hold(readers) {
    const ask = await server.call("open", { kind: "one", n: 1 });
    await client.call("join", { ask, readers });
    await server.call("begin", ask.path);
    await client.call("last");
  }
}

function print() {
  const raw = result[REFERENCE];
  const head = ["contender", "RSS KiB", "x raw", "JavaScript KiB"];
  const rows = Object.entries(result).map(([name, { rssKiB, heldKiB }]) => [
    name,
    rssKiB.toFixed(1),
    raw ? (rssKiB / raw.rssKiB).toFixed(2) : "-",
    heldKiB.toFixed(1),
  ]);
  printTable(`idle: per connection, ${conns} of them`, head, rows);
}
