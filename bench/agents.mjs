// What does an agent cost? `node bench/agents.mjs [--rounds=5] [--only=sluice] [--profile=/tmp/profiles]`
import { REFERENCE, chains } from "./contenders/agents.mjs";
import { runJobs } from "./lib/jobs.mjs";
import { short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { printTable } from "./lib/table.mjs";

const AGENTS = 3;
const JOB = "chain of 3";

const options = readOptions({ rounds: 5, ms: 80, warmMs: 400, only: "", profile: "", save: false });
const names = select(Object.keys(chains), options.only);
const measured = await runJobs({ file: "agents-child.mjs", names, jobs: [JOB], options });
const result = Object.fromEntries(names.map((name) => [name, measured[name]?.[JOB] ?? {}]));

const rows = names.map((name) => {
  const { ns, fault = "-" } = result[name] ?? {};
  return ns === undefined ? [name, fault, ""] : [name, short(ns), short(ns / AGENTS)];
});
printTable("agents: a chain of 3, ns", ["contender", "per token", "per agent"], rows);
if (options.save) saveResult("agents", { reference: REFERENCE, result });
if (options.profile !== "") printProfiles(options.profile);
