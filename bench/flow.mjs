// What does an operator cost? `node bench/flow.mjs [--rounds=5] [--only=sluice] [--profile=/tmp/profiles]`
import { REFERENCE, flows, jobs } from "./contenders/flow.mjs";
import { runJobs } from "./lib/jobs.mjs";
import { short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { printTable } from "./lib/table.mjs";

const options = readOptions({ rounds: 5, ms: 80, warmMs: 400, only: "", profile: "", save: false });
const names = select(Object.keys(flows), options.only);
const result = await runJobs({ file: "flow-child.mjs", names, jobs, options });

const rows = names.map((name) => [name, ...jobs.map((job) => cell(result[name]?.[job], result[REFERENCE]?.[job]?.ns))]);
printTable("flow: ns per token (more than for await with everything in its body)", ["contender", ...jobs], rows);
if (options.save) saveResult("flow", { reference: REFERENCE, jobs, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {import("./lib/jobs.mjs").Cost | undefined} value @param {number | undefined} reference */
function cell(value, reference) {
  if (value?.ns === undefined) return value?.fault ?? "-";
  if (reference === undefined) return short(value.ns);
  const more = value.ns - reference;
  return `${short(value.ns)} (${more < 0 ? "" : "+"}${short(more)})`;
}
