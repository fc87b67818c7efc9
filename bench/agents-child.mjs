// One contender in a process of its own: `node agents-child.mjs <name>`, started by agents.mjs.
import { REFERENCE, chains } from "./contenders/agents.mjs";
import { answerCalls } from "./lib/child.mjs";
import { tokens } from "./lib/samples.mjs";

const chain = chains[process.argv[2] ?? ""];
const reference = chains[REFERENCE];
if (!chain || !reference) throw new Error(`There is no chain ${process.argv[2]}`);
const pass = await chain.load();
const right = await reference.load();
const sample = tokens(4_000);
let taken = 0;

answerCalls({ check, measure });

/** What comes out otherwise than of generators. */
async function check() {
  /** @type {string[]} */
  const wanted = [];
  /** @type {string[]} */
  const got = [];
  await right(sample, (text) => void wanted.push(text));
  await pass(sample, (text) => void got.push(text));
  return JSON.stringify(got) === JSON.stringify(wanted) ? undefined : "changes what goes through";
}

/**
 * Passes over all tokens until the time is over. Processor time, garbage collection included.
 *
 * @param {{ ms: number }} options
 * @returns {Promise<number>} nanoseconds per token
 */
async function measure({ ms }) {
  const before = process.cpuUsage();
  let microseconds = 0;
  let passes = 0;
  taken = 0;
  do {
    await pass(sample, take);
    passes += 1;
    const { user, system } = process.cpuUsage(before);
    microseconds = user + system;
  } while (microseconds < ms * 1_000);
  if (taken === 0) throw new Error("Nothing came out.");
  return (microseconds * 1_000) / (passes * sample.length);
}

/** @param {string} text */
function take(text) {
  taken += text.length;
}
