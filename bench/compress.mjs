// What does it cost to send every event compressed, on its own? `node bench/compress.mjs [--rounds=3] [--only=sluice]`
import { REFERENCE, compressors } from "./contenders/compress.mjs";
import { startChild } from "./lib/child.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

/** @typedef {{ bytes?: number, us?: number, fault?: string }} Measured per event */

const options = readOptions({ rounds: 3, ms: 60, warmMs: 120, only: "", save: false });
const jobs = ["simple", "ai-sdk", "openai"];
const names = select(Object.keys(compressors), options.only);
const started = await Promise.all(names.map(start));
const children = new Map(names.map((name, index) => [name, started[index]]));

/** @type {Record<string, Record<string, Measured>>} contender, then job */
const result = Object.fromEntries(names.map((name) => [name, {}]));
for (const job of jobs) await run(job);
for (const child of children.values()) await child?.stop();
/** KiB per connection. @type {Record<string, { rss: number, heap: number }>} */
const memory = {};
for (const name of names) memory[name] = await memoryOf(name);

const head = jobs.flatMap((job) => [`${job}, bytes`, "us"]);
const rows = names.map((name) => [
  name,
  ...jobs.flatMap((job) => cells(name, job)),
  short(memory[name]?.rss),
  short(memory[name]?.heap),
]);
printTable(
  "compress: per event, flushed each (bytes x raw gzip-6)",
  ["contender", ...head, "KiB/connection, RSS", "of it JS"],
  rows,
);
if (options.save) saveResult("compress", { reference: REFERENCE, jobs, result, memory });

/** @param {string} name */
function start(name) {
  return startChild({ core: 0, file: "compress-child.mjs", args: [name], nodeArgs: ["--expose-gc"] });
}

/** @param {string} job */
async function run(job) {
  /** @type {Map<string, { bytes: number, us: number }[]>} */
  const measured = new Map();
  for (const name of names) {
    const fault = await children.get(name)?.call("check", job);
    if (fault !== undefined) {
      record(name, job, { fault });
      continue;
    }
    measured.set(name, []);
    await children.get(name)?.call("measure", { job, ms: options.warmMs });
  }
  await interleave([...measured.keys()], options.rounds, async (name) => {
    measured.get(name)?.push(await children.get(name)?.call("measure", { job, ms: options.ms }));
  });
  for (const [name, values] of measured) {
    record(name, job, { bytes: median(values.map(({ bytes }) => bytes)), us: median(values.map(({ us }) => us)) });
  }
}

/** In a process that has measured nothing before. @param {string} name @returns {Promise<{ rss: number, heap: number }>} */
async function memoryOf(name) {
  const child = await start(name);
  const size = await child.call("memory");
  await child.stop();
  return size;
}

/** @param {string} name @param {string} job @param {Measured} value */
function record(name, job, value) {
  const row = result[name];
  if (row) row[job] = value;
}

/** @param {string} name @param {string} job */
function cells(name, job) {
  const { bytes, us, fault = "-" } = result[name]?.[job] ?? {};
  if (bytes === undefined) return [fault, "-"];
  const reference = result[REFERENCE]?.[job]?.bytes;
  const share = reference === undefined ? "" : ` (${(bytes / reference).toFixed(3)})`;
  return [short(bytes) + share, short(us)];
}
