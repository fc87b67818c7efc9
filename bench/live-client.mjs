// Many readers in a process of their own, started by fanout.mjs, idle.mjs, stalled.mjs and late.mjs.
import { request } from "node:http";
import { connect } from "node:net";
import { deltaOf } from "./contenders/deltas.mjs";
import { LAST, STAMP, microseconds, partAt } from "./contenders/parts.mjs";
import { answerCalls } from "./lib/child.mjs";
import { quantile } from "./lib/numbers.mjs";
import { peer } from "./lib/peer.mjs";

/**
 * @typedef {import("./contenders/parts.mjs").Plan} Plan
 * @typedef {{ port: number, path: string, query: string }} Ask
 * @typedef {object} Join
 * @property {Ask} ask
 * @property {number} readers
 * @property {boolean} [stamps] looks for the time in what comes
 * @property {boolean} [paused] reads nothing at all
 */

const { createParser } = await peer("eventsource-parser");
const buffer = Buffer.allocUnsafe(1 << 18);
/** So many connections at once. */
const BATCH = 200;
const STAMP_DIGITS = 16;

/** @type {import("node:net").Socket[]} */
let sockets = [];
/** Of those that are reading. @type {Promise<unknown>[]} */
let waiting = [];
/** Milliseconds from the source to a reader. @type {number[]} */
let delays = [];
let cpuBefore = process.cpuUsage();

answerCalls({
  /** Returns when all of them have the beginning of an answer. Those that were there stay. */
  async join(/** @type {Join} */ { ask, readers, stamps = false, paused = false }) {
    waiting = [];
    delays = [];
    for (let left = readers; left > 0; left -= BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, left) }, () => (paused ? stall(ask) : join(ask, stamps)));
      waiting.push(...batch.map(({ last }) => last));
      await Promise.all(batch.map(({ first }) => first));
    }
    cpuBefore = process.cpuUsage();
  },
  /** When the last of them had the last part, how long parts took, and what it cost to read them. */
  async last() {
    await Promise.all(waiting);
    const at = microseconds();
    const { user, system } = process.cpuUsage(cpuBefore);
    return { at, cpuMs: (user + system) / 1_000, p50Ms: quantile(delays, 0.5), p99Ms: quantile(delays, 0.99) };
  },
  leave() {
    for (const socket of sockets) socket.destroy();
    sockets = [];
  },
  /** Whole answers, parsed. Resolves when all readers have a response; `checked` says what is wrong. */
  async joinParsed(/** @type {{ ask: Ask, readers: number, plan: Plan }} */ { ask, readers, plan }) {
    const length = wanted(plan).length;
    const all = Array.from({ length: readers }, () => parse(ask, length));
    checked = Promise.all(all.map(({ read }) => read));
    checked.catch(() => {});
    await Promise.all(all.map(({ responded }) => responded));
  },
  async checked(/** @type {{ plan: Plan, merges: boolean }} */ { plan, merges }) {
    const want = wanted(plan);
    const read = await checked;
    const fault = read.map((reader) => faultOf(reader, { want, n: plan.n, merges })).find(Boolean);
    const [first] = read;
    return { fault, events: read.reduce((sum, { events }) => sum + events, 0) / read.length, first: first?.measured };
  },
});

/** @typedef {{ text: string, events: number, measured: { ms: number, bytes: number, textBytes: number } }} Parsed */
/** @type {Promise<Parsed[]>} */
let checked = Promise.resolve([]);

/** @param {Parsed} reader @param {{ want: string, n: number, merges: boolean }} options */
function faultOf({ text, events }, { want, n, merges }) {
  if (text !== want) return text.length < want.length ? "loses text" : "changes the text";
  if (!merges && events !== n) return `${events} of ${n} events`;
  return undefined;
}

/** @param {Plan} plan */
function wanted(plan) {
  return Array.from({ length: plan.n }, (_, index) => partAt(plan, index)).join("");
}

/** Looks only for the last part: the cost of reading is the same for all, and small. @param {Ask} ask @param {boolean} stamps */
function join(ask, stamps) {
  /** @type {(value?: unknown) => void} */
  let begun = () => {};
  const first = new Promise((resolve) => {
    begun = resolve;
  });
  const last = new Promise((resolve, reject) => {
    const callback = (/** @type {number} */ bytes) => {
      begun();
      if (stamps) takeStamp(bytes);
      if (found(LAST, bytes) >= 0) resolve(undefined);
      return true;
    };
    open(ask, { buffer, callback }).once("error", reject);
  });
  return { first, last };
}

/** @param {Ask} ask */
function stall(ask) {
  const socket = open(ask);
  socket.on("error", () => {});
  socket.pause();
  const first = new Promise((resolve) => socket.once("connect", resolve));
  return { first, last: Promise.resolve() };
}

/** @param {Ask} ask @param {import("node:net").OnReadOpts} [onread] */
function open({ port, path, query }, onread) {
  const socket = connect({ port, host: "127.0.0.1", ...(onread ? { onread } : {}) });
  socket.write(`GET ${path}${query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
  sockets.push(socket);
  return socket;
}

/** @param {number} bytes */
function takeStamp(bytes) {
  const at = found(STAMP, bytes);
  if (at < 0) return;
  const start = at + STAMP.length;
  delays.push((microseconds() - Number(buffer.toString("latin1", start, start + STAMP_DIGITS))) / 1_000);
}

/** The buffer holds older bytes behind those that came. @param {string} text @param {number} bytes */
function found(text, bytes) {
  return buffer.subarray(0, bytes).indexOf(text, 0, "latin1");
}

/**
 * With Node's HTTP client and a parser of SSE that is not ours, until the text is as long as it is to be.
 *
 * @param {Ask} ask
 * @param {number} length
 */
function parse({ port, path, query }, length) {
  let [text, events, bytes] = ["", 0, 0];
  const start = performance.now();
  /** @type {(value?: unknown) => void} */
  let respond = () => {};
  const responded = new Promise((resolve) => {
    respond = resolve;
  });
  /** @type {Promise<Parsed>} */
  const read = new Promise((resolve, reject) => {
    const parser = createParser({
      onEvent(/** @type {{ event?: string, data: string }} */ message) {
        const delta = deltaOf(message);
        if (delta === undefined) return;
        events += 1;
        text += delta;
      },
    });
    const finish = () => {
      const ms = performance.now() - start;
      resolve({ text, events, measured: { ms, bytes, textBytes: Buffer.byteLength(text) } });
      req.destroy();
    };
    const headers = { accept: "text/event-stream" };
    const req = request({ port, host: "127.0.0.1", path: path + query, headers, agent: false }, (res) => {
      if (res.statusCode !== 200) reject(new Error(`status ${res.statusCode}`));
      respond();
      const decoder = new TextDecoder();
      res.on("data", (/** @type {Buffer} */ chunk) => {
        bytes += chunk.byteLength;
        parser.feed(decoder.decode(chunk, { stream: true }));
        if (text.length >= length) finish();
      });
      res.once("end", finish);
      res.once("error", reject);
    });
    req.once("error", reject);
    req.end();
  });
  return { responded, read };
}
