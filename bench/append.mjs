// How many entries does a store take, and at what cost? `node bench/append.mjs [--ms=1100] [--rounds=3] [--only=sluice]
// [--profile=/tmp/profiles]`. The process that appends has core 0; Redis, or a server reached by HTTP, core 1.
import { askedFor, stores } from "./contenders/stores.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { startStores } from "./lib/store-children.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ perSecond: number, readPerSecond: number, cpuUs: number, serverCpuUs: number }} Round
 */

const options = readOptions({ ms: 1_100, rounds: 3, only: "", profile: "", save: false });

const MANY = 100;
const READERS = 10;
/** Rounds with readers are shorter: none of those who are asked does anything by the second. */
const READERS_SHARE = 0.6;
/** An append of a run waits for the one before it, as a run's writer does it, unless more are under way. */
const one = { runs: 1, entries: 1, underWay: 1, readers: 0 };
/** @type {Record<string, import("./store-child.mjs").Shape>} */
const shapes = {
  "1 run": one,
  "1 run, by 16": { ...one, entries: 16 },
  [`${MANY} runs`]: { ...one, runs: MANY },
  [`${MANY} runs, by 16`]: { ...one, runs: MANY, entries: 16 },
  [`1 run, ${READERS} readers`]: { ...one, readers: READERS },
  [`1 run, by 16, ${READERS} readers`]: { ...one, entries: 16, readers: READERS },
  [`1 run, 16 times 16 under way, ${READERS} readers`]: { ...one, entries: 16, underWay: 16, readers: READERS },
};

const names = select([...new Set([...askedFor("append"), ...askedFor("readers")])], options.only);
const children = await startStores(names, options.profile);
/** @type {Map<string, Map<string, Round[]>>} by shape, then by name */
const measured = new Map(Object.keys(shapes).map((shape) => [shape, new Map()]));

for (const name of children.keys()) await warmUp(name);
for (const [shape, of] of measured) {
  await interleave([...of.keys()], options.rounds, async (name) => {
    const round = await measure(name, shape, options.ms);
    if (round) of.get(name)?.push(round);
  });
}
for (const child of children.values()) await child.stop();

const result = Object.fromEntries([...measured].map(([shape, of]) => [shape, summaries(of)]));
for (const shape of Object.keys(shapes)) print(shape);
const against = Object.fromEntries(names.map((name) => [name, stores[name]?.against]));
if (options.save) saveResult("append", { against, settings: { ms: options.ms, rounds: options.rounds }, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {string} name */
async function warmUp(name) {
  const { asked = [] } = stores[name] ?? {};
  for (const [shape, { readers }] of Object.entries(shapes)) {
    if (!asked.includes(readers > 0 ? "readers" : "append")) continue;
    measured.get(shape)?.set(name, []);
    await measure(name, shape, options.ms / 4);
  }
}

/**
 * Who fails is not measured any further in this shape.
 *
 * @param {string} name
 * @param {string} shape
 * @param {number} ms
 * @returns {Promise<Round | undefined>}
 */
async function measure(name, shape, ms) {
  if (!measured.get(shape)?.has(name)) return undefined;
  try {
    const settings = shapes[shape];
    const share = settings && settings.readers > 0 ? READERS_SHARE : 1;
    return await children.get(name)?.call("append", { ...settings, ms: ms * share });
  } catch (error) {
    console.log(`${name} is left out of "${shape}": ${String(error)}`);
    measured.get(shape)?.delete(name);
    return undefined;
  }
}

/** @param {ReadonlyMap<string, readonly Round[]>} of */
function summaries(of) {
  return Object.fromEntries([...of].map(([name, rounds]) => [name, summary(rounds)]));
}

/** @param {readonly Round[]} of @returns {Round} */
function summary(of) {
  const each = (/** @type {(round: Round) => number} */ value) => median(of.map(value));
  return {
    perSecond: each((round) => round.perSecond),
    readPerSecond: each((round) => round.readPerSecond),
    cpuUs: each((round) => round.cpuUs),
    serverCpuUs: each((round) => round.serverCpuUs),
  };
}

/** @param {string} shape */
function print(shape) {
  const of = result[shape] ?? {};
  if (Object.keys(of).length === 0) return;
  const head = ["contender", "entries/s", "x its raw", "read/s", "x its raw", "CPU us/entry", "of the server"];
  const rows = Object.entries(of).map(([name, row]) => {
    const raw = of[stores[name]?.against ?? ""];
    return [
      name,
      short(row.perSecond),
      short(raw && row.perSecond / raw.perSecond),
      short(row.readPerSecond),
      short(raw && row.readPerSecond / raw.readPerSecond),
      short(row.cpuUs),
      short(row.serverCpuUs),
    ];
  });
  printTable(`append, ${shape}`, head, rows);
}
