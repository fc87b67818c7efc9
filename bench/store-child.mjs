// One store in a process of its own: `node store-child.mjs <name> <directory>`, started by append.mjs and tail.mjs.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { entriesAt } from "./contenders/entries.mjs";
import { stores } from "./contenders/stores.mjs";
import { answerCalls } from "./lib/child.mjs";
import { quantile } from "./lib/numbers.mjs";
import { processorTime } from "./lib/proc.mjs";

/**
 * @typedef {import("./contenders/stores.mjs").Store} Store
 * @typedef {import("./contenders/stores.mjs").Log} Log
 *
 * @typedef {object} Shape
 * @property {number} runs at once
 * @property {number} entries per append: a power of two
 * @property {number} underWay appends of one run that are not acknowledged yet
 * @property {number} readers of each run
 */

const [name = "", directory = ""] = process.argv.slice(2);
const contender = stores[name];
if (!contender) throw new Error(`There is no contender ${name}`);
const { open } = await contender.start(placeFor("server"));
let opened = 0;

answerCalls({
  check,
  /** For `ms`, as fast as it is acknowledged. */
  append: (/** @type {Shape & { ms: number }} */ options) => withStore((store) => append(store, options)),
  /** One entry every `everyMs`. */
  tail: (/** @type {{ n: number, everyMs: number }} */ options) => withStore((store) => tail(store, options)),
});

/**
 * What is wrong with it: a reader that was there from the start and one that came late get every entry once, in order.
 *
 * @returns {Promise<string | undefined>}
 */
function check() {
  return withStore(async (store) => {
    const log = await store.create("checked");
    const each = 4;
    const appends = 500;
    const early = await join(log);
    /** @type {Promise<unknown>[]} */
    const answers = [];
    for (let at = 0; at < appends; at += 1) {
      answers.push(log.append(entriesAt(at * each, each)));
      if (at % 8 === 7) await Promise.all(answers);
    }
    await Promise.all(answers);
    const late = await join(log);
    const want = Array.from({ length: appends }, (_, at) => entriesAt(at * each, each)).flat();
    for (const reader of [early, late]) {
      const deadline = performance.now() + 5_000;
      while (reader && reader.length < want.length && performance.now() < deadline) await sleep(10);
      if (reader && reader.length !== want.length) return `${reader.length} of ${want.length} entries`;
      if (reader?.some((text, index) => text !== want[index])) return "changes the entries or their order";
    }
    return undefined;
  });

  async function join(/** @type {Log} */ log) {
    /** @type {string[]} */
    const got = [];
    await log.follow?.((_, texts) => got.push(...texts()));
    return log.follow && got;
  }
}

/**
 * @param {Store} store
 * @param {Shape & { ms: number }} shape
 */
async function append(store, { runs, entries, underWay, readers, ms }) {
  const logs = await Promise.all(Array.from({ length: runs }, (_, index) => store.create(`run-${index}`)));
  let read = 0;
  let toRead = Number.POSITIVE_INFINITY;
  let allRead = () => {};
  const expect = (/** @type {number} */ count) =>
    new Promise((resolve) => {
      toRead = count;
      allRead = () => resolve(undefined);
      if (read === toRead) allRead();
    });
  for (const log of logs) {
    for (let reader = 0; reader < readers; reader += 1) {
      await log.follow?.((count) => {
        read += count;
        if (read === toRead) allRead();
      });
    }
  }
  // The first entry shows that all readers are there.
  if (readers > 0) await Promise.all([...logs.map((log) => log.append(entriesAt(0, 1))), expect(runs * readers)]);
  read = 0;
  toRead = Number.POSITIVE_INFINITY;

  const { serverPid } = store;
  const serverBefore = serverPid === undefined ? 0 : processorTime(serverPid);
  const before = process.cpuUsage();
  const start = performance.now();
  const produce = async (/** @type {Log} */ log) => {
    let taken = 0;
    const worker = async () => {
      while (performance.now() - start < ms) {
        const from = taken;
        taken += entries;
        await log.append(entriesAt(from, entries));
      }
    };
    await Promise.all(Array.from({ length: underWay }, worker));
    return taken;
  };
  const counts = await Promise.all(logs.map(produce));
  const appendedMs = performance.now() - start;
  const appended = counts.reduce((sum, count) => sum + count, 0);
  if (readers > 0) await expect(appended * readers);
  const readMs = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return {
    perSecond: (appended * 1_000) / appendedMs,
    readPerSecond: (appended * 1_000) / readMs,
    cpuUs: (user + system) / appended,
    serverCpuUs: serverPid === undefined ? 0 : (processorTime(serverPid) - serverBefore) / appended,
  };
}

/**
 * @param {Store} store
 * @param {{ n: number, everyMs: number }} options
 */
async function tail(store, { n, everyMs }) {
  const log = await store.create("tailed");
  /** @type {number[]} */
  const times = [];
  let arrived = () => {};
  await log.follow?.(() => arrived());
  for (let index = -1; index < n; index += 1) {
    if (index >= 0) await sleep(everyMs);
    const read = new Promise((resolve) => {
      arrived = () => resolve(performance.now());
    });
    const sent = performance.now();
    const stored = log.append(entriesAt(index + 1, 1));
    const took = Number(await read) - sent;
    // The first one shows that the reader is there.
    if (index >= 0) times.push(took);
    await stored;
  }
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}

/**
 * Every measurement has an empty store of its own, so that no round is a burden of the next.
 *
 * @template T
 * @param {(store: Store) => Promise<T>} measure
 * @returns {Promise<T>}
 */
async function withStore(measure) {
  opened += 1;
  const place = placeFor(`store-${opened}`);
  const store = await open(place);
  try {
    return await measure(store);
  } finally {
    await store.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** @param {string} what */
function placeFor(what) {
  const place = join(directory, what);
  mkdirSync(place, { recursive: true });
  return place;
}
