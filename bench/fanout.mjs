// What does it cost to send one answer to many? `node bench/fanout.mjs [--readers=100,1000] [--rounds=3] [--only=sluice]
// [--profile=/tmp/profiles]`. The server has core 0, the client core 1.
import { REFERENCE, contenders, namesIn } from "./contenders/live.mjs";
import { checkLive, startLive, startLiveClient } from "./lib/live.mjs";
import { median, short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

/**
 * @typedef {{ ms: number, cpuMs: number, clientMs: number, p50Ms: number, p99Ms: number }} Round
 * @typedef {{ burst: Round[], single: Round[], events: number }} Rounds
 */

const options = readOptions({
  readers: "100,1000",
  rounds: 3,
  n: 200,
  singles: 12,
  gap: 50,
  only: "",
  profile: "",
  save: false,
});
const { rounds, n, singles, gap } = options;
const counts = options.readers.split(",").map(Number);
const names = select(namesIn("fanout"), options.only);

const client = await startLiveClient();
const started = await Promise.all(names.map((name) => startLive(name, options.profile)));
const servers = new Map(names.map((name, index) => [name, started[index]]));
/** Readers, then contender. @type {Record<string, Record<string, ReturnType<typeof summary>>>} */
const result = {};
for (const readers of counts) result[readers] = await run(readers);
for (const child of [client, ...servers.values()]) await child?.stop();
print();
if (options.save) saveResult("fanout", { reference: REFERENCE, settings: { n, singles, gap, rounds }, result });
if (options.profile !== "") printProfiles(options.profile);

/** @param {number} readers */
async function run(readers) {
  /** @type {Map<string, Rounds>} */
  const measured = new Map();
  for (const name of names) await warmUp(name, readers, measured);
  await interleave([...measured.keys()], rounds, async (name) => {
    measured.get(name)?.burst.push(await measure(name, { kind: "burst", n }, readers));
    measured.get(name)?.single.push(await measure(name, { kind: "single", n: singles, gap }, readers));
  });
  return Object.fromEntries([...measured].map(([name, of]) => [name, summary(of, readers)]));
}

/** Who does not send everything to everybody is not measured. @param {string} name @param {number} readers @param {Map<string, Rounds>} measured */
async function warmUp(name, readers, measured) {
  const server = servers.get(name);
  if (!server) throw new Error(`There is no server ${name}`);
  const merges = contenders[name]?.merges === true;
  const { fault, events } = await checkLive({ server, client, plan: { kind: "burst", n }, readers, merges });
  if (fault === undefined) measured.set(name, { burst: [], single: [], events });
  else console.log(`${name} is left out with ${readers} readers: ${fault}`);
}

/**
 * @param {string} name
 * @param {import("./contenders/parts.mjs").Plan} plan
 * @param {number} readers
 * @returns {Promise<Round>}
 */
async function measure(name, plan, readers) {
  const server = servers.get(name);
  if (!server) throw new Error(`There is no server ${name}`);
  const ask = await server.call("open", plan);
  await client.call("join", { ask, readers, stamps: plan.kind === "single" });
  const last = client.call("last");
  const began = await server.call("begin", ask.path);
  const { at, cpuMs: clientMs, p50Ms, p99Ms } = await last;
  const { userMs, systemMs } = await server.call("cpu");
  await server.call("release", ask.path);
  await client.call("leave");
  return { ms: (at - began) / 1_000, cpuMs: userMs + systemMs, clientMs, p50Ms, p99Ms };
}

/** @param {Rounds} of @param {number} readers */
function summary({ burst, single, events }, readers) {
  const ms = median(burst.map((round) => round.ms));
  return {
    events,
    deliveriesPerSecond: (readers * n * 1_000) / ms,
    cpuUs: (median(burst.map(({ cpuMs }) => cpuMs)) * 1_000) / (readers * n),
    /** Of its core: near 1 the client is what is measured. */
    clientLoad: median(burst.map((round) => round.clientMs / round.ms)),
    singleCpuUs: (median(single.map(({ cpuMs }) => cpuMs)) * 1_000) / (readers * singles),
    p50Ms: median(single.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(single.map(({ p99Ms }) => p99Ms)),
  };
}

function print() {
  const head = [
    "contender",
    "deliveries/s",
    "x raw",
    "CPU us",
    "x raw",
    "client's core",
    "events of one",
    "single p50 ms",
    "p99",
    "x raw",
    "CPU us",
  ];
  for (const [readers, of] of Object.entries(result)) {
    const raw = of[REFERENCE];
    const rows = Object.entries(of).map(([name, row]) => [
      name,
      short(row.deliveriesPerSecond),
      short(raw && row.deliveriesPerSecond / raw.deliveriesPerSecond),
      short(row.cpuUs),
      short(raw && row.cpuUs / raw.cpuUs),
      `${(100 * row.clientLoad).toFixed(0)} %`,
      row.events.toFixed(0),
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      short(raw && row.p99Ms / raw.p99Ms),
      short(row.singleCpuUs),
    ]);
    printTable(`fanout: ${readers} readers, ${n} events back to back, ${singles} single ones`, head, rows);
  }
}
