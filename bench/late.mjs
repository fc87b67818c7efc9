// What is somebody sent who comes late? `node bench/late.mjs [--n=5000] [--rounds=5] [--only=simple]
// [--profile=/tmp/profiles]`. The server has core 0, the client core 1.
import { WHOLE, contenders, namesIn } from "./contenders/live.mjs";
import { checkLive, startLive, startLiveClient } from "./lib/live.mjs";
import { median } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { printProfiles } from "./lib/profile.mjs";
import { saveResult } from "./lib/results.mjs";
import { interleave } from "./lib/rounds.mjs";
import { printTable } from "./lib/table.mjs";

/** @typedef {{ frames: number, bytes: number, textBytes: number, ms: number }} Round */

const options = readOptions({ n: 5_000, rounds: 7, only: "", profile: "", save: false });
/** @type {import("./contenders/parts.mjs").Plan} */
const plan = { kind: "tokens", n: options.n };

const client = await startLiveClient();
const names = select(namesIn("late"), options.only);
const started = await Promise.all(names.map((name) => startLive(name, options.profile)));
const servers = new Map(names.map((name, index) => [name, started[index]]));
/** @type {Map<string, Round[]>} */
const measured = new Map();
for (const name of names) {
  const { fault } = await read(name);
  if (fault === undefined) measured.set(name, []);
  else console.log(`${name} is left out: ${fault}`);
}
await interleave([...measured.keys()], options.rounds, async (name) => {
  measured.get(name)?.push((await read(name)).round);
});
for (const child of [client, ...servers.values()]) await child?.stop();

const result = Object.fromEntries([...measured].map(([name, rounds]) => [name, summary(rounds)]));
print();
if (options.save) saveResult("late", { reference: WHOLE, settings: { n: options.n }, result });
if (options.profile !== "") printProfiles(options.profile);

/** The answer is not over: what repeats it at its end is not sent. @param {string} name */
async function read(name) {
  const server = servers.get(name);
  if (!server) throw new Error(`There is no server ${name}`);
  const merges = contenders[name]?.merges === true || name === WHOLE;
  const { fault, events, first } = await checkLive({ server, client, plan, readers: 1, merges, late: true });
  return { fault, round: { frames: events, ...first } };
}

/** @param {readonly Round[]} rounds */
function summary(rounds) {
  const of = (/** @type {(round: Round) => number} */ value) => median(rounds.map(value));
  const textBytes = of((round) => round.textBytes);
  return {
    frames: of((round) => round.frames),
    mostFrames: textBytes / 16_384 + 2,
    bytes: of((round) => round.bytes),
    textBytes,
    ms: of((round) => round.ms),
  };
}

function print() {
  const head = ["contender", "delta frames", "target", "bytes", "x text", "ms"];
  const rows = Object.entries(result).map(([name, { frames, mostFrames, bytes, textBytes, ms }]) => [
    name,
    frames.toFixed(0),
    mostFrames.toFixed(1),
    bytes.toFixed(0),
    (bytes / textBytes).toFixed(2),
    ms.toFixed(2),
  ]);
  printTable(`late: an answer of ${options.n} tokens that goes on`, head, rows);
}
