// Does memory grow under every kind of reader? `node bench/soak.mjs [--minutes=5] [--actors=60]`. Ends by itself. The
// server has core 0, the clients core 1.
import { setTimeout as sleep } from "node:timers/promises";
import { startChild } from "./lib/child.mjs";
import { readOptions } from "./lib/options.mjs";
import { saveResult } from "./lib/results.mjs";

/** @typedef {{ minute: number, rssMiB: number, heldMiB: number, connections: number }} Sample */

const options = readOptions({ minutes: 5, actors: 60, save: false });
const { minutes, actors } = options;
const SAMPLE_MS = 2_000;
/** Memory is as large as it will be some time after the start: of the samples the first ones do not count. */
const WARM = 0.3;
/** MiB that it may grow by in the time that counts. A leak of 100 bytes in each of 200 answers a second would be 4 in 3.5 minutes. */
const FLAT = { held: 2, rss: 8 };
/** Until what expires has expired, and stalled readers are broken off. */
const SETTLE_MS = 6_000;

const callMs = minutes * 60_000 + 60_000;
const server = await startChild({ core: 0, file: "soak-child.mjs", nodeArgs: ["--expose-gc"] });
const client = await startChild({ core: 1, file: "soak-client.mjs", callMs });
const where = await server.call("where");
/** @type {Sample[]} */
const samples = [];
let acting = true;
const acted = client.call("act", { ...where, actors, ms: minutes * 60_000 }).finally(() => {
  acting = false;
});
const began = performance.now();
while (acting) {
  await Promise.race([sleep(SAMPLE_MS), acted]);
  if (acting) samples.push(await sample());
}
const { done, faults } = await acted;
await sleep(SETTLE_MS);
await server.call("sweep");
const after = await sample();
const { told } = await server.call("status");
for (const child of [client, server]) await child.stop();

const counted = samples.filter(({ minute }) => minute > minutes * WARM && minute < minutes);
const slopes = {
  heldMiB: slope(counted.map(({ minute, heldMiB }) => [minute, heldMiB])),
  rssMiB: slope(counted.map(({ minute, rssMiB }) => [minute, rssMiB])),
};
const counts = minutes * (1 - WARM);
const flat =
  slopes.heldMiB * counts < FLAT.held &&
  slopes.rssMiB * counts < FLAT.rss &&
  after.connections === 0 &&
  counted.length > 2;
print();
const result = { slopes, flat, after, done, told, faults: faults.length, samples };
if (options.save) saveResult("soak", { settings: { minutes, actors }, result });
process.exitCode = faults.length > 0 ? 1 : 0;

/** @returns {Promise<Sample>} */
async function sample() {
  const { rss, held, connections } = await server.call("status");
  return { minute: (performance.now() - began) / 60_000, rssMiB: rss / 2 ** 20, heldMiB: held / 2 ** 20, connections };
}

/** Of the line that fits best. @param {readonly (readonly [number, number])[]} points */
function slope(points) {
  const mean = (/** @type {readonly number[]} */ values) => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const over = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return over / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}

function print() {
  const step = Math.max(1, Math.floor(samples.length / 15));
  console.log(`\nsoak: ${minutes} minutes, ${actors} at a time`);
  for (const { minute, rssMiB, heldMiB, connections } of samples.filter((_, index) => index % step === 0)) {
    console.log(
      `${minute.toFixed(2)} min  RSS ${rssMiB.toFixed(1)} MiB  held ${heldMiB.toFixed(1)} MiB  ${connections} open`,
    );
  }
  console.log(
    `after  RSS ${after.rssMiB.toFixed(1)} MiB  held ${after.heldMiB.toFixed(1)} MiB  ${after.connections} open`,
  );
  console.log("done", done, "told", told);
  console.log(`slope: held ${slopes.heldMiB.toFixed(2)} MiB/min, RSS ${slopes.rssMiB.toFixed(2)} MiB/min`);
  console.log(flat ? "flat" : "not flat");
  for (const fault of faults.slice(0, 10)) console.log(`fault: ${fault}`);
}
