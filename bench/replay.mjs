// How fast is a run sent that is over? `node bench/replay.mjs [--data=text|json] [--n=100000] [--rounds=7]
// [--only=sluice] [--profile=/tmp/profiles]`. The server has core 0, the client core 1, and so has Redis.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startChild } from "./lib/child.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { makeScratch } from "./lib/scratch.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ ms: number, bytes: number, cpuMs: number }} Round
 * @typedef {{ server: import("./lib/child.mjs").Child, ask: object, logBytes: number, rounds: Round[] }} Contender
 */

const options = readOptions({ data: "text", n: 100_000, rounds: 7, only: "", profile: "", save: false });
const { data, n } = options;
if (!["text", "json"].includes(data)) throw new Error(`--data=${data}`);
process.env["BENCH_DATA"] = data; // the children make their events from it
const { REFERENCE, contenders } = await import("./contenders/replay.mjs");

const scratch = makeScratch();
const client = await startChild({ core: 1, file: "serve-client.mjs" });
/** @type {Map<string, Contender>} */
const measured = new Map();

for (const [index, name] of select(Object.keys(contenders), options.only).entries()) {
  await start(name, join(scratch, String(index)));
}
await interleave([...measured.keys()], options.rounds, async (name) => {
  const contender = measured.get(name);
  if (contender) contender.rounds.push(await measure(contender));
});
for (const child of [client, ...[...measured.values()].map(({ server }) => server)]) await child.stop();

const result = Object.fromEntries([...measured].map(([name, contender]) => [name, summary(contender)]));
print();
if (options.save) saveResult(`replay-${data}`, { reference: REFERENCE, settings: { data, n }, result });
if (options.profile !== "") printProfiles(options.profile);

/** Who does not send what the run was made of is not measured. @param {string} name @param {string} place */
async function start(name, place) {
  mkdirSync(place);
  const nodeArgs = profileArgs(options.profile, name);
  const args = [name, place, String(n)];
  const server = await startChild({ core: 0, file: "replay-child.mjs", args, nodeArgs });
  const { ask, logBytes } = await server.call("where");
  const fault = await client.call("check", { ask, n });
  const contender = { server, ask, logBytes, rounds: [] };
  if (fault === undefined) {
    for (let round = 0; round < 2; round += 1) await measure(contender);
    measured.set(name, contender);
    return;
  }
  console.log(`${name} is left out: ${fault}`);
  await server.stop();
}

/** @param {Contender} contender @returns {Promise<Round>} */
async function measure({ server, ask }) {
  await server.call("begin");
  const { ms, bytes } = await client.call("read", { ask, times: 1 });
  return { ms, bytes, ...(await server.call("end")) };
}

/** @param {Contender} contender */
function summary({ logBytes, rounds }) {
  const ms = median(rounds.map((round) => round.ms));
  const bytes = median(rounds.map((round) => round.bytes));
  return {
    mbPerSecond: bytes / ms / 1_000,
    logMbPerSecond: logBytes / ms / 1_000,
    eventsPerSecond: (n * 1_000) / ms,
    cpuUs: (median(rounds.map((round) => round.cpuMs)) * 1_000) / n,
    bytes,
    logBytes,
  };
}

function print() {
  const reference = result[REFERENCE];
  const head = ["contender", "MB/s", "x raw", "MB/s of the log", "events/s", "CPU us/event"];
  const rows = Object.entries(result).map(([name, row]) => [
    name,
    short(row.mbPerSecond),
    short(reference && row.mbPerSecond / reference.mbPerSecond),
    short(row.logMbPerSecond),
    short(row.eventsPerSecond),
    short(row.cpuUs),
  ]);
  const { bytes = 0 } = reference ?? Object.values(result)[0] ?? {};
  printTable(`replay: ${n} events of ${data}, ${(bytes / 1e6).toFixed(1)} MB`, head, rows);
}
