// One server with answers that many read, in a process of its own: `node --expose-gc live-child.mjs <name>`, started by
// fanout.mjs, idle.mjs, stalled.mjs and late.mjs.
import { setTimeout as sleep } from "node:timers/promises";
import { contenders } from "./contenders/live.mjs";
import { microseconds, parts } from "./contenders/parts.mjs";
import { answerCalls } from "./lib/child.mjs";

/**
 * @typedef {import("./contenders/parts.mjs").Plan} Plan
 * @typedef {{ begin: () => void, release: () => void, poured: Promise<void>, over: Promise<unknown> }} Answer
 * @typedef {{ rss: number, held: number }} Memory bytes of the process; of them those that JavaScript holds
 */

const contender = contenders[process.argv[2] ?? ""];
if (!contender) throw new Error(`There is no contender ${process.argv[2]}`);
const { port, open } = await contender.start();
/** By path. @type {Map<string, Answer>} */
const answers = new Map();
const QUIET_MS = 300;
const QUIET_US = 10_000;
const QUIET_TRIES = 60;
let cpuBefore = process.cpuUsage();

answerCalls({
  /** An answer that begins when it is told to, and does not end before it is. */
  async open(/** @type {Plan} */ plan) {
    const [begun, poured, released] = [signal(), signal(), signal()];
    const { path, over } = await open(
      (async function* source() {
        await begun.fired;
        yield* parts(plan);
        poured.fire();
        await released.fired;
      })(),
    );
    over.catch(() => {}); // looked at when it is released
    answers.set(path, { begin: begun.fire, release: released.fire, poured: poured.fired, over });
    return { port, path, query: contender.query ?? "" };
  },
  /** When it began, in microseconds. */
  begin(/** @type {string} */ path) {
    cpuBefore = process.cpuUsage();
    answers.get(path)?.begin();
    return microseconds();
  },
  cpu() {
    const { user, system } = process.cpuUsage(cpuBefore);
    return { userMs: user / 1_000, systemMs: system / 1_000 };
  },
  /** Everything was given to the contender. */
  poured: (/** @type {string} */ path) => answers.get(path)?.poured,
  async release(/** @type {string} */ path) {
    const answer = answers.get(path);
    answers.delete(path);
    answer?.release();
    await answer?.over;
  },
  quiet,
  memory,
});

/** Returns when the process has next to nothing to do any more. */
async function quiet() {
  for (let left = QUIET_TRIES; left > 0; left -= 1) {
    const before = process.cpuUsage();
    await sleep(QUIET_MS);
    const { user, system } = process.cpuUsage(before);
    if (user + system < QUIET_US) return;
  }
}

/** After collections of garbage: what one frees may hold more. @returns {Promise<Memory>} */
async function memory() {
  for (let time = 0; time < 4; time += 1) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { rss, held: heapUsed + arrayBuffers };
}

function signal() {
  /** @type {() => void} */
  let fire = () => {};
  /** @type {Promise<void>} */
  const fired = new Promise((resolve) => {
    fire = resolve;
  });
  return { fired, fire };
}
