// What does an operator cost? `node bench/flow.mjs [--rounds=5] [--only=sluice] [--profile=/tmp/profiles]`
import { REFERENCE, flows, jobs } from "./contenders/flow.mjs";
import { startChild } from "./lib/child.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

const options = readOptions({ rounds: 5, ms: 80, warmMs: 400, only: "", profile: "", save: false });
const names = select(Object.keys(flows), options.only);
const started = await Promise.all(names.map(start));
const children = new Map(names.map((name, index) => [name, started[index]]));

/** @type {Record<string, Record<string, { ns?: number, fault?: string }>>} contender, then job */
const result = Object.fromEntries(names.map((name) => [name, {}]));
for (const job of jobs) await run(job);
for (const child of children.values()) await child?.stop();

const rows = names.map((name) => [name, ...jobs.map((job) => cell(result[name]?.[job], result[REFERENCE]?.[job]?.ns))]);
printTable("flow: ns per token (more than for await with everything in its body)", ["contender", ...jobs], rows);
if (options.save) saveResult("flow", { reference: REFERENCE, jobs, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {string} name */
function start(name) {
  return startChild({ core: 0, file: "flow-child.mjs", args: [name], nodeArgs: profileArgs(options.profile, name) });
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
  if (reference === undefined) return short(value.ns);
  const more = value.ns - reference;
  return `${short(value.ns)} (${more < 0 ? "" : "+"}${short(more)})`;
}
