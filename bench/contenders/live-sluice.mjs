import { createSluice } from "sluice/http";
import { listen } from "./server.mjs";

/** @typedef {import("./live.mjs").Contender} Contender */

const OWNER = "bench";
const MAX_BYTES = 2 ** 30;
const UNMERGED = { mergeBehind: Number.POSITIVE_INFINITY };

/** All that the others do not do: each part is checked, logged, read back, worded. @type {Record<string, Contender>} */
export const liveSluice = {
  "sluice: run": { benches: ["fanout", "idle", "stalled"], merges: true, start: () => startRuns({}) },
  "sluice: run, mergeBehind Infinity": { benches: ["fanout"], start: () => startRuns(UNMERGED) },
  "sluice: run, flushMs 25": { benches: ["fanout"], merges: true, start: () => startRuns({ flushMs: 25 }) },
  "sluice: run, flushMs 25, mergeBehind Infinity": {
    benches: ["fanout"],
    start: () => startRuns({ flushMs: 25, ...UNMERGED }),
  },
  ...Object.fromEntries(["simple", "graph", "ai-sdk"].flatMap(late)),
};

/** @param {string} dialect @returns {[string, Contender][]} */
function late(dialect) {
  const query = `?dialect=${dialect}`;
  return [
    [`sluice: ${dialect}`, { benches: ["late"], merges: true, query, start: () => startRuns({}) }],
    [`sluice: ${dialect}, mergeBehind Infinity`, { benches: ["late"], query, start: () => startRuns(UNMERGED) }],
  ];
}

/** @param {import("sluice/http").SluiceOptions | {}} options @returns {Promise<import("./live.mjs").Started>} */
async function startRuns(options) {
  const sluice = createSluice({ authorize: () => OWNER, limits: { maxBytes: MAX_BYTES }, ...options });
  const { runs } = sluice;
  const { port } = await listen((req, res) => sluice.handleNode(req, res));
  return {
    port,
    async open(parts) {
      const { id } = await sluice.startRun({ owner: OWNER }, parts);
      return { path: `/runs/${id}/events`, over: ended(id) };
    },
  };

  /** The log of one round is no burden of the next. @param {string} id */
  async function ended(id) {
    await runs.ended(id);
    const run = await runs.get(id);
    if (run?.status !== "finished") throw new Error(`Run ${id} is ${run?.status}: ${run?.error?.message}`);
    await runs.delete(id);
  }
}
