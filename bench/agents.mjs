// What does an agent cost? `node bench/agents.mjs [--rounds=5] [--only=sluice] [--profile=/tmp/profiles]`
import { REFERENCE, chains } from "./contenders/agents.mjs";
import { startChild } from "./lib/child.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

const AGENTS = 3;

const options = readOptions({ rounds: 5, ms: 80, warmMs: 400, only: "", profile: "", save: false });
const names = select(Object.keys(chains), options.only);
const started = await Promise.all(names.map(start));
const children = new Map(names.map((name, index) => [name, started[index]]));

/** @type {Record<string, { ns?: number, fault?: string }>} */
const result = {};
/** @type {Map<string, number[]>} */
const times = new Map();
for (const name of names) {
  const fault = await children.get(name)?.call("check", {});
  if (fault === undefined) times.set(name, []);
  else result[name] = { fault };
  if (fault === undefined) await children.get(name)?.call("measure", { ms: options.warmMs });
}
await interleave([...times.keys()], options.rounds, async (name) => {
  times.get(name)?.push(await children.get(name)?.call("measure", { ms: options.ms }));
});
for (const [name, values] of times) result[name] = { ns: median(values) };
for (const child of children.values()) await child?.stop();

const rows = names.map((name) => {
  const { ns, fault = "-" } = result[name] ?? {};
  return ns === undefined ? [name, fault, ""] : [name, short(ns), short(ns / AGENTS)];
});
printTable("agents: a chain of 3, ns", ["contender", "per token", "per agent"], rows);
if (options.save) saveResult("agents", { reference: REFERENCE, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {string} name */
function start(name) {
  return startChild({ core: 0, file: "agents-child.mjs", args: [name], nodeArgs: profileArgs(options.profile, name) });
}
