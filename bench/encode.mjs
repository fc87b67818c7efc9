// How fast does an event become bytes? `node bench/encode.mjs [--rounds=5] [--only=sluice] [--profile=/tmp/profiles]`
import { REFERENCE, encoders } from "./contenders/encode.mjs";
import { runJobs } from "./lib/jobs.mjs";
import { short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { printTable } from "./lib/table.mjs";

const options = readOptions({ rounds: 5, ms: 80, warmMs: 400, only: "", profile: "", save: false });
const jobs = ["openai", "openai, 3 % not ASCII", "tokens", "64 KiB", "8 lines"];
const names = select(Object.keys(encoders), options.only);
const result = await runJobs({ file: "encode-child.mjs", names, jobs, options });

const rows = names.map((name) => [name, ...jobs.map((job) => cell(result[name]?.[job], result[REFERENCE]?.[job]?.ns))]);
printTable("encode: ns per event (speed x raw concat + Buffer.from)", ["contender", ...jobs], rows);
if (options.save) saveResult("encode", { reference: REFERENCE, jobs, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {import("./lib/jobs.mjs").Cost | undefined} value @param {number | undefined} reference */
function cell(value, reference) {
  if (value?.ns === undefined) return value?.fault ?? "-";
  return reference === undefined ? short(value.ns) : `${short(value.ns)} (${(reference / value.ns).toFixed(2)})`;
}
