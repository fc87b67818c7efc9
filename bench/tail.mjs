// How long until a reader has what was appended? `node bench/tail.mjs [--n=300] [--every=3] [--rounds=3] [--only=redis]
// [--profile=/tmp/profiles]`. The process that appends and reads has core 0; Redis, or a server reached by HTTP, core 1.
import { askedFor, stores } from "./contenders/stores.mjs";
import { median } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { startStores } from "./lib/store-children.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ p50Ms: number, p99Ms: number }} Round
 */

const options = readOptions({ n: 300, every: 3, rounds: 3, only: "", profile: "", save: false });
const { n, every, rounds } = options;

const children = await startStores(select(askedFor("tail"), options.only), options.profile);
/** @type {Map<string, Round[]>} */
const measured = new Map();

for (const [name, child] of children) {
  measured.set(name, []);
  await child.call("tail", { n: n / 2, everyMs: 1 });
}
await interleave([...children.keys()], rounds, async (name) => {
  measured.get(name)?.push(await children.get(name)?.call("tail", { n, everyMs: every }));
});
for (const child of children.values()) await child.stop();

const result = Object.fromEntries([...measured].map(([name, of]) => [name, summary(of)]));
const against = Object.fromEntries(Object.keys(result).map((name) => [name, stores[name]?.against]));
print();
if (options.save) saveResult("tail", { against, settings: { n, every, rounds }, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {readonly Round[]} of @returns {Round} */
function summary(of) {
  return { p50Ms: median(of.map(({ p50Ms }) => p50Ms)), p99Ms: median(of.map(({ p99Ms }) => p99Ms)) };
}

function print() {
  const rows = Object.entries(result).map(([name, { p50Ms, p99Ms }]) => {
    const raw = result[against[name] ?? ""];
    const times = raw ? (p50Ms / raw.p50Ms).toFixed(2) : "-";
    return [name, p50Ms.toFixed(3), times, p99Ms.toFixed(3)];
  });
  printTable(`tail: ${n} entries, one every ${every} ms`, ["contender", "p50 ms", "x its raw", "p99 ms"], rows);
}
