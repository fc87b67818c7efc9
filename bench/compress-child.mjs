// One compressor in a process of its own: `node --expose-gc compress-child.mjs <name>`, started by compress.mjs.
import { brotliDecompressSync, constants, gunzipSync } from "node:zlib";
import { compressors } from "./contenders/compress.mjs";
import { answerCalls } from "./lib/child.mjs";
import { openaiChunks, tokens } from "./lib/samples.mjs";

/** @typedef {import("./contenders/compress.mjs").Connection} Connection */
/** @typedef {{ frames: readonly Uint8Array[], log: Uint8Array }} Sample */

const COUNT = 2_000;
/** All connections together, before memory is looked at. */
const PUSHES = 400_000;

/** One answer as each dialect words it, ids included. @type {Record<string, () => string[]>} */
const makers = {
  simple: () => tokens(COUNT).map((content, index) => frame({ content }, index, "event: chunk\n")),
  "ai-sdk": () => tokens(COUNT).map((delta, index) => frame({ type: "text-delta", id: "0", delta }, index)),
  openai: () => openaiChunks(COUNT).map((chunk) => `data: ${chunk}\n\n`),
};

const compressor = compressors[process.argv[2] ?? ""];
if (!compressor) throw new Error(`There is no compressor ${process.argv[2]}`);
const { connections, encoding } = compressor;
const open = await compressor.load();
/** @type {Map<string, Sample>} */
const samples = new Map();

answerCalls({ check, measure, memory });

/** The first thing that a client reads otherwise, or later, than it was sent. @param {string} job */
async function check(job) {
  const { frames, log } = sampleOf(job);
  const connection = open(log);
  const parts = [];
  let sent = 0;
  for (const [index, part] of frames.entries()) {
    parts.push(await connection.push(part));
    sent += part.byteLength;
    if (index >= 50 || encoding === "br") continue;
    const soFar = gunzipSync(Buffer.concat(parts), { finishFlush: constants.Z_SYNC_FLUSH });
    if (!soFar.equals(log.subarray(0, sent))) return `event ${index} is not out when it is sent`;
  }
  parts.push(await connection.end());
  connection.close();
  const whole = Buffer.concat(parts);
  const decoded = encoding === "br" ? brotliDecompressSync(whole) : gunzipSync(whole);
  return decoded.equals(log) ? undefined : "changes the data";
}

/**
 * Answers from beginning to end until the time is over. Processor time of all threads, garbage collection included.
 *
 * @param {{ job: string, ms: number }} options
 * @returns {Promise<{ bytes: number, us: number }>} per event
 */
async function measure({ job, ms }) {
  const { frames, log } = sampleOf(job);
  const before = process.cpuUsage();
  let bytes = 0;
  let events = 0;
  let us = 0;
  do {
    const connection = open(log);
    for (const part of frames) {
      const made = connection.push(part);
      bytes += (made instanceof Promise ? await made : made).byteLength;
    }
    connection.close();
    events += frames.length;
    const { user, system } = process.cpuUsage(before);
    us = user + system;
  } while (us < ms * 1_000);
  return { bytes: bytes / events, us: us / events };
}

/**
 * KiB per connection that is in the middle of an answer. The same work is done before, and let go. What the process grows
 * by is right for large contexts; below a few KiB it is slack, and the heap is right.
 *
 * @returns {Promise<{ rss: number, heap: number }>}
 */
async function memory() {
  await begin((connection) => connection.close());
  const before = inUse();
  /** @type {Connection[]} */
  const kept = [];
  await begin((connection) => kept.push(connection));
  const after = inUse();
  for (const connection of kept) connection.close();
  return {
    rss: (after.rss - before.rss) / connections / 1_024,
    heap: (after.heap - before.heap) / connections / 1_024,
  };
}

function inUse() {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

/** @param {(connection: Connection) => void} then */
async function begin(then) {
  const { frames, log } = sampleOf("ai-sdk");
  const first = frames.slice(0, Math.min(40, PUSHES / connections));
  for (let index = 0; index < connections; index += 1) {
    const connection = open(log);
    for (const part of first) await connection.push(part);
    then(connection);
  }
}

/** @param {string} job @returns {Sample} */
function sampleOf(job) {
  const known = samples.get(job);
  if (known) return known;
  const frames = (makers[job]?.() ?? []).map((text) => Buffer.from(text));
  const made = { frames, log: Buffer.concat(frames) };
  samples.set(job, made);
  return made;
}

/** @param {object} data @param {number} index @param {string} [event] */
function frame(data, index, event = "") {
  const sequence = String(index + 2);
  return `${event}id: ${sequence.length}${sequence}\ndata: ${JSON.stringify(data)}\n\n`;
}
