// What does a server spend on an event? `node bench/serve.mjs [--mode=burst|tick|rate] [--data=text|json|long] [--n=]
// [--rounds=] [--only=sluice] [--profile=/tmp/profiles]`. The server has core 0, the client core 1.
import { startChild } from "./lib/child.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles, profileArgs } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ ms: number, bytes: number, firstMs: number, userMs: number, systemMs: number, peakMiB: number }} Round
 */

const options = readOptions({
  mode: "burst",
  data: "text",
  n: 0,
  rounds: 0,
  conns: 400,
  ms: 20,
  only: "",
  profile: "",
  save: false,
});
const { mode, data, ms } = options;
if (!["burst", "tick", "rate"].includes(mode)) throw new Error(`--mode=${mode}`);
if (!["text", "json", "long"].includes(data)) throw new Error(`--data=${data}`);
process.env["BENCH_DATA"] = data; // the children make their events from it
const { REFERENCE, contenders } = await import("./contenders/serve.mjs");

const rate = mode === "rate";
const long = data === "long";
/** A short answer, for the time to its first byte, and what compression saves of it. */
const SHORT = 100;
const n = options.n || { burst: long ? 10_000 : 100_000, tick: 20_000, rate: 75 }[mode] || 0;
const rounds = options.rounds || (rate ? 2 : long ? 3 : 5);
const readers = rate ? options.conns : 1;
const names = select(Object.keys(contenders), options.only).filter((name) => {
  const contender = contenders[name];
  return (contender?.only ?? mode) === mode && (long ? contender?.long : contender?.long !== "only");
});

const client = await startChild({ core: 1, file: "serve-client.mjs" });
const started = await Promise.all(names.map(start));
const servers = new Map(names.map((name, index) => [name, started[index]]));
/** @type {Map<string, Round[]>} */
const measured = new Map();
/** @type {Map<string, Round[]>} */
const briefly = new Map();

for (const name of names) await warmUp(name);
await interleave([...measured.keys()], rounds, async (name) => {
  measured.get(name)?.push(await measure(name, { n, mode, ms }, readers));
  if (!long) return;
  for (let time = 0; time < 4; time += 1) briefly.get(name)?.push(await measure(name, { n: SHORT, mode, ms }, 1));
});
for (const child of [client, ...servers.values()]) await child?.stop();

const result = Object.fromEntries([...measured].map(([name, of]) => [name, summary(name, of)]));
const settings = { mode, data, n, readers, ms: rate ? ms : 0, rounds };
print();
if (options.save) saveResult(`serve-${mode}-${data}`, { reference: REFERENCE, settings, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {string} name */
function start(name) {
  return startChild({ core: 0, file: "serve-child.mjs", args: [name], nodeArgs: profileArgs(options.profile, name) });
}

/** Who does not send what it was given is not measured. @param {string} name */
async function warmUp(name) {
  const warm = { n: rate ? 5_000 : Math.min(n, 40_000), mode: rate ? "tick" : mode, ms };
  const ask = await servers.get(name)?.call("ask", warm);
  const fault = await client.call("check", { ask, n: warm.n });
  if (fault !== undefined) return console.log(`${name} is left out: ${fault}`);
  measured.set(name, []);
  briefly.set(name, []);
  // What a request costs before its first event is seldom warm after one: a server in use is.
  for (let times = 0; times < (rate ? 3 : 1); times += 1) await measure(name, { n: 20, mode, ms }, readers);
}

/**
 * @param {string} name
 * @param {{ n: number, mode: string, ms: number }} query
 * @param {number} times
 * @returns {Promise<Round>}
 */
async function measure(name, query, times) {
  const server = servers.get(name);
  if (!server) throw new Error(`There is no server ${name}`);
  const ask = await server.call("ask", query);
  await server.call("begin");
  const read = await client.call("read", { ask, times });
  return { ...read, ...(await server.call("end")) };
}

/** @param {string} name @param {readonly Round[]} of */
function summary(name, of) {
  const events = n * readers;
  const each = (/** @type {(round: Round) => number} */ value) => median(of.map(value));
  return {
    resumes: contenders[name]?.resumes === true,
    eventsPerSecond: (events * 1_000) / each((round) => round.ms),
    cpuUs: (each((round) => round.userMs + round.systemMs) * 1_000) / events,
    userUs: (each((round) => round.userMs) * 1_000) / events,
    systemUs: (each((round) => round.systemMs) * 1_000) / events,
    peakMiB: Math.max(...of.map((round) => round.peakMiB)),
    ...(long
      ? summaryOfLong(
          name,
          each((round) => round.ms),
        )
      : {}),
  };
}

/** Speed is that of what a reader has when it is decompressed. @param {string} name @param {number} elapsed */
function summaryOfLong(name, elapsed) {
  const plain = contenders[name]?.plain ?? name;
  const bytesOf = (/** @type {readonly Round[]} */ of = []) => median(of.map(({ bytes }) => bytes));
  const brief = briefly.get(name);
  return {
    mbPerSecond: bytesOf(measured.get(plain)) / elapsed / 1_000,
    saved: 1 - bytesOf(brief) / bytesOf(briefly.get(plain)),
    firstMs: median((brief ?? []).map(({ firstMs }) => firstMs)),
  };
}

function print() {
  const reference = result[REFERENCE];
  const pacing = rate ? `, ${readers} readers, one event every ${ms} ms each` : "";
  const head = ["contender", "resumes", "events/s", "x raw", "CPU us/event", "x raw", "user", "system", "peak MiB"];
  if (long) head.push("MB/s", `saved of ${SHORT}`, "first byte ms");
  const rows = Object.entries(result).map(([name, row]) => [
    name,
    row.resumes ? "yes" : "no",
    short(row.eventsPerSecond),
    short(reference && row.eventsPerSecond / reference.eventsPerSecond),
    short(row.cpuUs),
    short(reference && row.cpuUs / reference.cpuUs),
    short(row.userUs),
    short(row.systemUs),
    short(row.peakMiB),
    ...(long ? [short(row.mbPerSecond), percent(row.saved), short(row.firstMs)] : []),
  ]);
  printTable(`serve, ${mode}: ${n} events of ${data}${pacing}`, head, rows);
}

/** @param {number | undefined} share */
function percent(share) {
  return share === undefined || Number.isNaN(share) ? "-" : `${(100 * share).toFixed(1)} %`;
}
