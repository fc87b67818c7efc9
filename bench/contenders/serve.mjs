import { peerContenders } from "./serve-peers.mjs";
import { rawContenders } from "./serve-raw.mjs";
import { sluiceContenders } from "./serve-sluice.mjs";

export { REFERENCE } from "./serve-raw.mjs";

/** @type {Record<string, import("./server.mjs").Contender>} */
export const contenders = { ...rawContenders, ...sluiceContenders, ...peerContenders };
