// Readers of every kind in a process of their own, started by soak.mjs.
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import { deltaOf } from "./contenders/deltas.mjs";
import { partAt } from "./contenders/parts.mjs";
import { answerCalls } from "./lib/child.mjs";
import { peer } from "./lib/peer.mjs";

/**
 * @typedef {object} Reading
 * @property {string} runId
 * @property {string} dialect
 * @property {string} text
 * @property {string} lastId
 * @property {import("node:http").ClientRequest} req
 * @property {import("node:http").IncomingMessage} res
 * @property {Promise<void>} over the answer has ended, or was cut
 */

const { createParser } = await peer("eventsource-parser");
const DIALECTS = ["simple", "graph", "ai-sdk"];
const ENCODINGS = ["identity", "gzip", "br"];
const STALL_MS = 4_000;
/** @type {Record<string, number>} what was done, how often */
const done = {};
/** @type {string[]} */
const faults = [];
let port = 0;
let large = "";
let over = false;

/** What readers do. @type {Record<string, () => Promise<void>>} */
const deeds = {
  /** An answer from its beginning to its end. */
  async stay() {
    const plan = anyPlan();
    const reading = await start(plan);
    await reading.over;
    expectText("stay", reading.text, plan.n);
  },
  async leave() {
    const reading = await start(anyPlan());
    await sleep(anyOf(300));
    reading.req.destroy();
    await reading.over;
  },
  async reset() {
    const reading = await start(anyPlan());
    await sleep(anyOf(300));
    reading.req.socket?.resetAndDestroy();
    await reading.over;
  },
  /** Cut, and back: nothing is missing, nothing comes twice. */
  async resume() {
    const plan = anyPlan();
    const first = await start(plan);
    await sleep(anyOf(200));
    first.req.destroy();
    await first.over;
    // As it is now: what decompresses may still have something, for which it is too late.
    const { text, lastId } = first;
    if (lastId === "") return;
    const rest = await read(first, { "last-event-id": lastId });
    await rest?.over;
    expectText("resume", text + (rest?.text ?? ""), plan.n);
  },
  /** Two more who come late. */
  async join() {
    const plan = anyPlan();
    const first = await start(plan);
    await sleep(anyOf(200));
    const others = await Promise.all([read(first), read({ ...first, dialect: anyDialect() })]);
    for (const reading of [first, ...others]) await reading?.over;
    for (const reading of [first, ...others]) expectText("join", reading?.text ?? "", plan.n);
  },
  async stop() {
    const reading = await start(anyPlan());
    await sleep(anyOf(150));
    await post(`/runs/${reading.runId}/stop`);
    await reading.over;
  },
  /** Takes nothing of a large answer until it is broken off. */
  async stall() {
    const reading = await read({ runId: large, dialect: anyDialect() }, { "accept-encoding": "identity" });
    if (!reading) return;
    reading.res.pause();
    await Promise.race([reading.over, sleep(STALL_MS)]);
    reading.req.destroy();
    await reading.over;
  },
  /** Says half of what it wants. */
  async half() {
    const req = ask("POST", "/stream", { "content-type": "application/json", "content-length": "1000" });
    req.on("error", () => {});
    req.write('{"message":');
    await sleep(anyOf(200));
    req.destroy();
  },
};
/** A large answer costs as much as many others. */
const weights = { stay: 8, leave: 4, reset: 4, resume: 6, join: 4, stop: 4, stall: 0.5, half: 2 };

answerCalls({
  /** So many do one thing after the other. Returns when the time is over and they have left. */
  async act(/** @type {{ port: number, large: string, actors: number, ms: number }} */ options) {
    ({ port, large } = options);
    setTimeout(() => (over = true), options.ms);
    await Promise.all(Array.from({ length: options.actors }, act));
    return { done, faults };
  },
});

async function act() {
  while (!over) {
    const name = anyDeed();
    try {
      await deeds[name]?.();
      done[name] = (done[name] ?? 0) + 1;
    } catch (error) {
      faults.push(`${name}: ${String(error)}`);
    }
  }
}

function anyDeed() {
  const entries = Object.entries(weights);
  let at = Math.random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  return entries.find(([, weight]) => (at -= weight) < 0)?.[0] ?? "stay";
}

/** @param {number} below */
function anyOf(below) {
  return Math.floor(Math.random() * below);
}

function anyPlan() {
  return { n: 20 + anyOf(200), ms: anyOf(6) };
}

/** @param {string} what @param {string} text @param {number} n */
function expectText(what, text, n) {
  const want = Array.from({ length: n }, (_, index) => partAt({ kind: "tokens", n: MOST }, index)).join("");
  if (text !== want) faults.push(`${what}: ${text.length} characters of ${want.length}`);
}

/** The words of a shorter answer are the first ones of a longer. */
const MOST = 500;

/** @param {{ n: number, ms: number }} plan */
async function start(plan) {
  const body = JSON.stringify({ message: { content: "Tell me." }, metadata: plan });
  const headers = { "content-type": "application/json" };
  const reading = await open({ method: "POST", path: "/stream", dialect: anyDialect(), headers, body });
  if (!reading) throw new Error("There is no answer.");
  return reading;
}

/** @param {{ runId: string, dialect: string }} of @param {Record<string, string>} [headers] */
function read({ runId, dialect }, headers = {}) {
  return open({ method: "GET", path: `/runs/${runId}/events`, dialect, headers, body: "" });
}

function anyDialect() {
  return DIALECTS[anyOf(DIALECTS.length)] ?? "simple";
}

/** @param {string} path */
async function post(path) {
  const req = ask("POST", path, {});
  req.end();
  const [res] = await new Promise((resolve, reject) => {
    req.once("response", (response) => resolve([response]));
    req.once("error", reject);
  });
  res.resume();
}

/** @param {string} method @param {string} path @param {Record<string, string>} headers */
function ask(method, path, headers) {
  return request({ port, host: "127.0.0.1", method, path, headers, agent: false });
}

/**
 * undefined when there is nothing more to read.
 *
 * @typedef {{ method: string, path: string, dialect: string, headers: Record<string, string>, body: string }} Question
 *
 * @param {Question} question
 * @returns {Promise<Reading | undefined>}
 */
function open({ method, path, dialect, headers, body }) {
  return new Promise((resolve, reject) => {
    const accept = { accept: "text/event-stream", "accept-encoding": ENCODINGS[anyOf(ENCODINGS.length)] ?? "" };
    const req = ask(method, `${path}?dialect=${dialect}`, { ...accept, ...headers });
    req.on("error", reject);
    req.on("response", (res) => {
      if (res.statusCode === 204) return resolve(undefined);
      if (res.statusCode !== 200) return reject(new Error(`${method} ${path}: status ${res.statusCode}`));
      const decoded = decodedOf(res);
      const runId = String(res.headers["sluice-run-id"]);
      /** @type {Reading} */
      const reading = { runId, dialect, text: "", lastId: "", req, res, over: gone(res, decoded) };
      const parser = createParser({
        onEvent(/** @type {{ id?: string, event?: string, data: string }} */ message) {
          reading.lastId = message.id ?? reading.lastId;
          reading.text += deltaOf(message) ?? "";
        },
      });
      const decoder = new TextDecoder();
      decoded.on("data", (/** @type {Buffer} */ chunk) => parser.feed(decoder.decode(chunk, { stream: true })));
      res.on("error", () => {}); // of one that was cut
      resolve(reading);
    });
    req.end(body);
  });
}

/**
 * What was cut does not end what decodes it.
 *
 * @param {import("node:http").IncomingMessage} res
 * @param {import("node:stream").Readable} decoded
 * @returns {Promise<void>}
 */
function gone(res, decoded) {
  return new Promise((resolve) => {
    decoded.once("end", resolve);
    decoded.once("error", () => resolve());
    res.once("close", () => {
      if (!res.complete) resolve();
    });
  });
}

/** @param {import("node:http").IncomingMessage} res @returns {import("node:stream").Readable} */
function decodedOf(res) {
  const encoding = res.headers["content-encoding"];
  if (encoding === "gzip") return res.pipe(createGunzip());
  return encoding === "br" ? res.pipe(createBrotliDecompress()) : res;
}
