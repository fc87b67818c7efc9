import { createMemoryLog } from "sluice/log";
import { createDiskLog } from "sluice/log/disk";
import { createRedisLog } from "sluice/log/redis";
import { peer } from "../lib/peer.mjs";

/**
 * @typedef {object} Contender
 * @property {boolean} outlives another process can open what is there
 * @property {boolean} redis needs a server, which is not this process
 * @property {number} settleMs after which what it keeps by the clock, or does in the background, is over
 * @property {(where: { path: string, url: string }) => Promise<import("sluice/log").LogStore>} open
 */

/** @type {Record<string, Contender>} */
export const contenders = {
  "sluice: memory": { outlives: false, redis: false, settleMs: 1_500, open: async () => createMemoryLog() },
  "sluice: disk": { outlives: true, redis: false, settleMs: 1_500, open: ({ path }) => createDiskLog({ path }) },
  "sluice: redis": {
    outlives: true,
    redis: true,
    // What was appended is kept for 10 s, 64 Mi characters at most, against a fail-over.
    settleMs: 12_000,
    async open({ url }) {
      const { Redis } = await peer("ioredis");
      return createRedisLog({ client: new Redis(url) });
    },
  },
};
