import { createMemoryLog } from "sluice/log";
import { createDiskLog } from "sluice/log/disk";
import { createRedisLog } from "sluice/log/redis";
import { peer } from "../lib/peer.mjs";
import { startRedis } from "../lib/redis.mjs";
import { DURABLE_LMDB, LMDB, XADD } from "./stores-raw.mjs";

/**
 * @typedef {import("./stores.mjs").Contender} Contender
 * @typedef {import("./stores.mjs").Store} Store
 * @typedef {import("./stores.mjs").Take} Take
 * @typedef {import("sluice/log").LogStore} LogStore
 */

/** What a run's writer asks of a log: it states what its entries follow, and its fence. @type {Record<string, Contender>} */
export const sluiceStores = {
  "sluice: memory": {
    kind: "sluice",
    against: LMDB,
    asked: ["append", "tail"],
    start: async () => ({ open: async () => storeOf(createMemoryLog()) }),
  },
  "sluice: disk": {
    kind: "sluice",
    against: LMDB,
    asked: ["append", "tail"],
    start: async () => ({ open: async (path) => storeOf(await createDiskLog({ path })) }),
  },
  "sluice: disk, durability disk": {
    kind: "sluice",
    against: DURABLE_LMDB,
    asked: ["append", "tail"],
    start: async () => ({ open: async (path) => storeOf(await createDiskLog({ path, durability: "disk" })) }),
  },
  "sluice: redis": {
    kind: "sluice",
    against: XADD,
    asked: ["append", "readers", "tail"],
    start: () => redis(({ writer }) => writer),
  },
  "sluice: redis, readers on another node": {
    kind: "sluice",
    against: XADD,
    asked: ["readers", "tail"],
    start: () => redis(({ other }) => other()),
  },
};

const OWNER = "bench";
const HOUR_MS = 3_600_000;
const LIMITS = { maxBytes: 2 ** 40, maxEntries: 2 ** 40 };

/** @param {(stores: { writer: LogStore, other: () => LogStore }) => LogStore} readerOf */
async function redis(readerOf) {
  const { Redis } = await peer("ioredis");
  return {
    async open(/** @type {string} */ place) {
      const server = await startRedis(place);
      const client = new Redis(server.url);
      const elsewhere = new Redis(server.url);
      const writer = createRedisLog({ client });
      const reader = readerOf({ writer, other: () => createRedisLog({ client: elsewhere }) });
      const { close, ...store } = storeOf(writer, reader);
      return {
        ...store,
        serverPid: server.pid,
        async close() {
          await close();
          client.disconnect();
          elsewhere.disconnect();
          await server.close();
        },
      };
    },
  };
}

/**
 * @param {LogStore} writer
 * @param {LogStore} [reader]
 * @returns {Store}
 */
function storeOf(writer, reader = writer) {
  const closed = new AbortController();
  const lease = { holder: "bench", ttlMs: HOUR_MS };
  return {
    async create(name) {
      const { fence } = await writer.create(name, { owner: OWNER, meta: {}, ttlMs: HOUR_MS, lease, limits: LIMITS });
      let last = 0;
      return {
        append(texts) {
          const expected = last;
          last += texts.length;
          return writer.append(name, texts, { expected, fence });
        },
        async follow(take) {
          void read(reader.tail(name, { after: 0, signal: closed.signal }), take);
        },
      };
    },
    async close() {
      closed.abort();
      if (reader !== writer) await reader[Symbol.asyncDispose]();
      await writer[Symbol.asyncDispose]();
    },
  };
}

/**
 * @param {AsyncIterable<import("sluice/log").LogSlice>} slices
 * @param {Take} take
 */
async function read(slices, take) {
  for await (const { entries } of slices) take(entries.length, () => entries);
}
