// The readers of thousands of answers in a process of their own, started by many.mjs.
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { microseconds } from "./contenders/parts.mjs";
import { answerCalls } from "./lib/child.mjs";

/**
 * @typedef {object} Reader
 * @property {number} next the token that is to come
 * @property {string} rest a frame whose end has not come
 * @property {string} [fault]
 */

const buffer = Buffer.allocUnsafe(1 << 18);
const BATCH = 200;
const FRAME_END = "\n\n";
/** Of tenths of a millisecond: what is older is in the last one. */
const BUCKETS = 600_000;

/** @type {import("node:net").Socket[]} */
let sockets = [];
/** @type {Reader[]} */
let readers = [];
let left = 0;
/** @type {() => void} */
let finish = () => {};
/** @type {Promise<void>} */
let finished = Promise.resolve();
let ages = new Uint32Array(BUCKETS);
let cpuBefore = process.cpuUsage();
let loadBefore = performance.eventLoopUtilization();

answerCalls({
  /** Returns when all of them have the head of an answer. */
  async join(/** @type {{ port: number, paths: readonly string[], tokens: number }} */ { port, paths, tokens }) {
    sockets = [];
    readers = [];
    ages = new Uint32Array(BUCKETS);
    left = paths.length;
    finished = new Promise((resolve) => {
      finish = resolve;
    });
    for (let at = 0; at < paths.length; at += BATCH) {
      await Promise.all(paths.slice(at, at + BATCH).map((path) => join({ port, path, tokens })));
    }
    cpuBefore = process.cpuUsage();
    loadBefore = performance.eventLoopUtilization();
  },
  /** Returns when all of them have everything, or too much time has passed. */
  async last(/** @type {{ tokens: number, ms: number }} */ { tokens, ms }) {
    const timer = setTimeout(finish, ms);
    await finished;
    clearTimeout(timer);
    const { user, system } = process.cpuUsage(cpuBefore);
    const { utilization } = performance.eventLoopUtilization(loadBefore);
    const fault =
      readers.find((reader) => reader.fault)?.fault ??
      readers.filter(({ next }) => next !== tokens).map(({ next }) => `${next} of ${tokens} tokens`)[0];
    return { fault, cpuMs: (user + system) / 1_000, load: utilization, ...quantiles() };
  },
  leave() {
    for (const socket of sockets) socket.destroy();
  },
});

/** @param {{ port: number, path: string, tokens: number }} options */
function join({ port, path, tokens }) {
  /** @type {Reader} */
  const reader = { next: 0, rest: "" };
  readers.push(reader);
  return new Promise((resolve, reject) => {
    const callback = (/** @type {number} */ bytes) => {
      resolve(undefined);
      const had = reader.next;
      take(reader, buffer.toString("latin1", 0, bytes));
      if (reader.next >= tokens && had < tokens) left -= 1;
      if (left === 0) finish();
      return true;
    };
    const socket = connect({ port, host: "127.0.0.1", onread: { buffer, callback } }, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
    });
    socket.once("error", reject);
    sockets.push(socket);
  });
}

/** Each token once and in order: that is the whole text, whatever was joined. @param {Reader} reader @param {string} chunk */
function take(reader, chunk) {
  const text = reader.rest + chunk;
  const now = microseconds();
  let from = 0;
  for (let end = text.indexOf(FRAME_END); end >= 0; end = text.indexOf(FRAME_END, from)) {
    const event = text.indexOf("event: chunk\n", from);
    if (event >= 0 && event < end) takeTokens(reader, text.slice(text.indexOf('":"', event) + 3, end), now);
    from = end + FRAME_END.length;
  }
  reader.rest = text.slice(from);
}

/** @param {Reader} reader @param {string} text `<index>:<microseconds>;` and so on, then `"}` @param {number} now */
function takeTokens(reader, text, now) {
  let from = 0;
  for (let end = text.indexOf(";"); end >= 0; end = text.indexOf(";", from)) {
    const colon = text.indexOf(":", from);
    const index = Number(text.slice(from, colon));
    if (index !== reader.next) reader.fault ??= `token ${index} in place of ${reader.next}`;
    reader.next += 1;
    const bucket = Math.floor((now - Number(text.slice(colon + 1, end))) / 100);
    const kept = Math.min(BUCKETS - 1, Math.max(0, bucket));
    ages[kept] = (ages[kept] ?? 0) + 1;
    from = end + 1;
  }
}

function quantiles() {
  const total = ages.reduce((sum, count) => sum + count, 0);
  const at = (/** @type {number} */ share) => {
    let before = 0;
    return ages.findIndex((count) => (before += count) >= total * share) / 10;
  };
  return { p50Ms: at(0.5), p99Ms: at(0.99), mostMs: ages.findLastIndex((count) => count > 0) / 10 };
}
