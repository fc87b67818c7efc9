// One contender in a process of its own: `node flow-child.mjs <name>`, started by flow.mjs.
import { REFERENCE, flows } from "./contenders/flow.mjs";
import { answerCalls } from "./lib/child.mjs";
import { timePasses } from "./lib/jobs.mjs";
import { tokens } from "./lib/samples.mjs";

const flow = flows[process.argv[2] ?? ""];
const reference = flows[REFERENCE];
if (!flow || !reference) throw new Error(`There is no flow ${process.argv[2]}`);
const run = await flow.load();
const right = await reference.load();
const sample = tokens(4_000);
let taken = 0;

answerCalls({ check, measure });

/** What comes out otherwise than of a loop by hand. @param {string} job */
async function check(job) {
  /** @type {string[]} */
  const wanted = [];
  /** @type {string[]} */
  const got = [];
  await right[job]?.(source(), (text) => void wanted.push(text));
  await run[job]?.(source(), (text) => void got.push(text));
  return JSON.stringify(got) === JSON.stringify(wanted) ? undefined : "changes what goes through";
}

/** Nanoseconds per token. @param {{ job: string, ms: number }} options */
async function measure({ job, ms }) {
  const pass = run[job];
  if (!pass) throw new Error(`There is no job ${job}`);
  taken = 0;
  const ns = await timePasses({ ms, items: sample.length, pass: async () => pass(source(), take) });
  if (taken === 0) throw new Error("Nothing came out.");
  return ns;
}

/** @param {string} text */
function take(text) {
  taken += text.length;
}

/** As a model's tokens come out of a decoder. */
async function* source() {
  yield* sample;
}
