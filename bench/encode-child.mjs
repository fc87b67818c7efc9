// One encoder in a process of its own: `node encode-child.mjs <name>`, started by encode.mjs.
import { encoders } from "./contenders/encode.mjs";
import { answerCalls } from "./lib/child.mjs";
import { timePasses } from "./lib/jobs.mjs";
import { peer } from "./lib/peer.mjs";
import { line, openaiChunks, tokens } from "./lib/samples.mjs";

/** @typedef {import("./contenders/encode.mjs").Event} Event */

/** @type {Record<string, () => string[]>} */
const makers = {
  openai: () => openaiChunks(4_000, { unicode: 0 }),
  "openai, 3 % not ASCII": () => openaiChunks(4_000, { unicode: 0.03 }),
  tokens: () => tokens(8_000).map((content) => JSON.stringify({ content })),
  "64 KiB": () => Array.from({ length: 10 }, (_, seed) => JSON.stringify({ text: line(65_400, seed) })),
  "8 lines": () => Array.from({ length: 2_000 }, (_, index) => lines(index * 8)),
};

const encoder = encoders[process.argv[2] ?? ""];
if (!encoder) throw new Error(`There is no encoder ${process.argv[2]}`);
const encode = await encoder.load();
const { createParser } = await peer("eventsource-parser");

/** @type {Map<string, readonly Event[]>} */
const samples = new Map();
/** @type {Uint8Array[] | undefined} */
let kept;
let taken = 0;
// One function for checking and measuring, so that both run the same machine code.
const take = (/** @type {string | Uint8Array} */ chunk, /** @type {number} */ length) => {
  taken += length;
  if (kept) kept.push(typeof chunk === "string" ? Buffer.from(chunk) : Uint8Array.from(chunk.subarray(0, length)));
};

answerCalls({ check, measure });

/** The first thing that a client reads otherwise than it was given. @param {string} job */
async function check(job) {
  const events = samplesOf(job).slice(0, 50);
  kept = [];
  await encode(events, take);
  const text = Buffer.concat(kept).toString();
  kept = undefined;

  /** @type {{ id?: string, event?: string, data: string }[]} */
  const read = [];
  const parser = createParser({ onEvent: (/** @type {Event} */ event) => read.push(event) });
  parser.feed(text);
  if (read.length !== events.length) return `${read.length} of ${events.length} events`;
  for (const [index, { id, event, data }] of events.entries()) {
    const want = encoder?.wrapsData ? JSON.stringify(data) : data;
    const got = read[index];
    if (got?.data !== want) return "changes the data";
    if (got.id !== id || got.event !== event) return "changes the id or the event";
  }
  return undefined;
}

/**
 * Nanoseconds per event, in processor time: what else runs on the machine does not count. No collection is forced before it: that throws machine code away, of web streams most of all.
 *
 * @param {{ job: string, ms: number }} options
 */
async function measure({ job, ms }) {
  const events = samplesOf(job);
  taken = 0;
  const ns = await timePasses({ ms, items: events.length, pass: async () => encode(events, take) });
  if (taken === 0) throw new Error("Nothing was encoded.");
  return ns;
}

/** @param {string} job */
function samplesOf(job) {
  const known = samples.get(job);
  if (known) return known;
  const made = (makers[job]?.() ?? []).map((data, index) => ({ id: String(index), event: "token", data }));
  samples.set(job, made);
  return made;
}

/** @param {number} seed */
function lines(seed) {
  return Array.from({ length: 8 }, (_, index) => line(30, seed + index)).join("\n");
}
