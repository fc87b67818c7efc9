// One contender in a process of its own: `node agents-child.mjs <name>`, started by agents.mjs.
import { REFERENCE, chains } from "./contenders/agents.mjs";
import { answerCalls } from "./lib/child.mjs";
import { timePasses } from "./lib/jobs.mjs";
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

/** Nanoseconds per token. @param {{ ms: number }} options */
async function measure({ ms }) {
  taken = 0;
  const ns = await timePasses({ ms, items: sample.length, pass: async () => pass(sample, take) });
  if (taken === 0) throw new Error("Nothing came out.");
  return ns;
}

/** @param {string} text */
function take(text) {
  taken += text.length;
}
