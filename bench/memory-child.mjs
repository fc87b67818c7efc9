// A node with one store in a process of its own: `node --expose-gc memory-child.mjs <name> <path> <url>`, started by
// memory.mjs.
import { setTimeout as sleep } from "node:timers/promises";
import { createSluice } from "sluice/http";
import { contenders } from "./contenders/memory.mjs";
import { answerCalls } from "./lib/child.mjs";
import { memoryOf } from "./lib/proc.mjs";
import { line } from "./lib/samples.mjs";

const [name = "", path = "", url = ""] = process.argv.slice(2);
const contender = contenders[name];
if (!contender) throw new Error(`There is no contender ${name}`);

const OWNER = "bench";
const AT_ONCE = 20;
const PAGE = 100;
const LOOK = 10;
/** As an entry of the log about 100 bytes. */
const texts = Array.from({ length: 4_096 }, (_, index) => line(56, index + 1));

const store = await contender.open({ path, url });
const sluice = createSluice({ store, authorize: () => OWNER });

answerCalls({
  status,
  /** Runs that end; what the process had at most while they were made. */
  async produce(/** @type {{ runs: number, events: number }} */ { runs, events }) {
    let peakAnonMiB = 0;
    let made = 0;
    let bytes = 0;
    const worker = async () => {
      while (made < runs) {
        made += 1;
        const { id } = await sluice.startRun({ owner: OWNER }, answer(made, events));
        await sluice.runs.ended(id);
        const run = await sluice.runs.get(id);
        if (run?.status !== "finished") throw new Error(`Run ${id} is ${run?.status}: ${run?.error?.message}`);
        bytes += run.bytes;
        if (made % LOOK === 0) peakAnonMiB = Math.max(peakAnonMiB, memoryOf("RssAnon"));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return { peakAnonMiB, bytes };
  },
  /** Goes through all pages of the list, and reads every so many of the runs. What is wrong with them, if anything. */
  async look(/** @type {{ runs: number, events: number, every: number }} */ { runs, events, every }) {
    let listed = 0;
    for await (const { id } of allRuns()) {
      const read = listed % every === 0 ? await entriesOf(id) : events;
      if (read < events) return `${read} of ${events} events`;
      listed += 1;
    }
    return listed === runs ? undefined : `${listed} of ${runs} runs`;
  },
  release: () => store[Symbol.asyncDispose](),
});

async function* allRuns() {
  /** @type {{ before?: string }} */
  let from = {};
  do {
    const { runs, next } = await sluice.runs.list({ owner: OWNER, limit: PAGE, ...from });
    yield* runs;
    from = next === undefined ? {} : { before: next };
  } while (from.before !== undefined);
}

/** @param {string} id */
async function entriesOf(id) {
  const { signal } = new AbortController();
  let read = 0;
  for await (const { entries } of store.tail(id, { after: 0, signal })) read += entries.length;
  return read;
}

/** @param {number} run @param {number} events */
async function* answer(run, events) {
  for (let index = 0; index < events; index += 1) yield texts[(run + index) % texts.length] ?? "";
}

/** After a collection of garbage, twice: what it frees at first may hold more. */
async function status() {
  await sleep(contender?.settleMs);
  for (let time = 0; time < 2; time += 1) globalThis.gc?.();
  const { heapUsed } = process.memoryUsage();
  return { heapMiB: heapUsed / 2 ** 20, anonMiB: memoryOf("RssAnon"), fileMiB: memoryOf("RssFile") };
}
