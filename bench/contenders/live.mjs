import { liveRaw, liveWhole } from "./live-raw.mjs";
import { livePeers } from "./live-peers.mjs";
import { liveSluice } from "./live-sluice.mjs";

/**
 * @typedef {object} Contender
 * @property {readonly ("fanout" | "idle" | "stalled" | "late")[]} benches that it takes part in
 * @property {boolean} [merges] a reader who is behind is sent fewer, larger deltas
 * @property {string} [query] what a reader adds to the path
 * @property {() => Promise<Started>} start
 *
 * @typedef {object} Started
 * @property {number} port
 * @property {(parts: AsyncIterable<string>) => Opened | Promise<Opened>} open one answer, for anybody who asks for it
 *
 * @typedef {{ path: string, over: Promise<unknown> }} Opened
 */

export { REFERENCE } from "./live-raw.mjs";
export { WHOLE } from "./live-raw.mjs";

/** @type {Record<string, Contender>} */
export const contenders = { ...liveRaw, ...liveWhole, ...livePeers, ...liveSluice };

/** @param {"fanout" | "idle" | "stalled" | "late"} bench */
export function namesIn(bench) {
  return Object.keys(contenders).filter((name) => contenders[name]?.benches.includes(bench));
}
