// How fast does an event become bytes? `node bench/encode.mjs [--rounds=5] [--only=sluice] [--profile=/tmp/profiles]`
import { REFERENCE, encoders } from "./contenders/encode.mjs";
import { startChild } from "./lib/child.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

const options = readOptions({ rounds: 5, ms: 80, warmMs: 400, only: "", profile: "", save: false });
const jobs = ["openai", "openai, 3 % not ASCII", "tokens", "64 KiB", "8 lines"];
const names = select(Object.keys(encoders), options.only);
const started = await Promise.all(names.map(start));
const children = new Map(names.map((name, index) => [name, started[index]]));

/** @type {Record<string, Record<string, { ns?: number, fault?: string }>>} contender, then job */
const result = Object.fromEntries(names.map((name) => [name, {}]));
for (const job of jobs) await run(job);
for (const child of children.values()) await child?.stop();

const rows = names.map((name) => [name, ...jobs.map((job) => cell(result[name]?.[job], result[REFERENCE]?.[job]?.ns))]);
printTable("encode: ns per event (speed x raw concat + Buffer.from)", ["contender", ...jobs], rows);
if (options.save) saveResult("encode", { reference: REFERENCE, jobs, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {string} name */
function start(name) {
  return startChild({ core: 0, file: "encode-child.mjs", args: [name], nodeArgs: profileArgs(options.profile, name) });
}

/** @param {string} job */
async function run(job) {
  /** @type {Map<string, number[]>} */
  const times = new Map();
  for (const name of names) {
    const fault = await children.get(name)?.call("check", job);
    if (fault !== undefined) {
      record(name, job, { fault });
      continue;
    }
    times.set(name, []);
    await children.get(name)?.call("measure", { job, ms: options.warmMs });
  }
  await interleave([...times.keys()], options.rounds, async (name) => {
    times.get(name)?.push(await children.get(name)?.call("measure", { job, ms: options.ms }));
  });
  for (const [name, values] of times) record(name, job, { ns: median(values) });
}

/** @param {string} name @param {string} job @param {{ ns?: number, fault?: string }} value */
function record(name, job, value) {
  const row = result[name];
  if (row) row[job] = value;
}

/** @param {{ ns?: number, fault?: string } | undefined} value @param {number | undefined} reference */
function cell(value, reference) {
  if (value?.ns === undefined) return value?.fault ?? "-";
  return reference === undefined ? short(value.ns) : `${short(value.ns)} (${(reference / value.ns).toFixed(2)})`;
}
