import { peer } from "../lib/peer.mjs";
import { startRedis } from "../lib/redis.mjs";

/**
 * @typedef {import("./stores.mjs").Contender} Contender
 * @typedef {import("./stores.mjs").Store} Store
 * @typedef {import("./stores.mjs").Take} Take
 */

export const LMDB = "raw: LMDB";
export const DURABLE_LMDB = "raw: LMDB, fsync";
export const XADD = "raw: XADD, XREAD";

/** The databases alone, each used as fast as it goes from Node. No order is checked, nothing is fenced. @type {Record<string, Contender>} */
export const rawStores = {
  [LMDB]: {
    kind: "raw",
    against: LMDB,
    asked: ["append", "tail"],
    start: () => lmdb({ durable: false, recordPerAppend: false }),
  },
  "limit: LMDB, an append is one record": {
    kind: "raw",
    against: LMDB,
    asked: ["append"],
    start: () => lmdb({ durable: false, recordPerAppend: true }),
  },
  [DURABLE_LMDB]: {
    kind: "raw",
    against: DURABLE_LMDB,
    asked: ["append", "tail"],
    start: () => lmdb({ durable: true, recordPerAppend: false }),
  },
  [XADD]: {
    kind: "raw",
    against: XADD,
    asked: ["append", "readers", "tail"],
    start: () => xadd({ recordPerAppend: false, sharedReader: false }),
  },
  "limit: XADD, an append is one record, one XREAD": {
    kind: "raw",
    against: XADD,
    asked: ["append", "readers"],
    start: () => xadd({ recordPerAppend: true, sharedReader: true }),
  },
};

/**
 * One transaction for all that is appended in one turn of the event loop, on the event loop: faster than lmdb's own
 * thread for transactions of this size.
 *
 * @param {{ durable: boolean, recordPerAppend: boolean }} options
 */
async function lmdb({ durable, recordPerAppend }) {
  const { open } = await peer("lmdb");
  const durability = durable ? { overlappingSync: false } : { noSync: true };
  return {
    async open(/** @type {string} */ path) {
      const db = open({ path, encoding: "binary", keyEncoding: "binary", maxDbs: 1, ...durability });
      /** @type {{ log: number, last: number, texts: readonly string[], resolve: (value?: unknown) => void }[]} */
      let waiting = [];
      /** @type {Map<number, (() => void)[]>} */
      const readers = new Map();
      let logs = 0;

      const write = () => {
        const jobs = waiting;
        waiting = [];
        db.transactionSync(() => {
          for (const { log, last, texts } of jobs) {
            if (recordPerAppend) db.putSync(keyOf(log, last), Buffer.from(texts.join("\n")));
            else
              texts.forEach((text, index) =>
                db.putSync(keyOf(log, last - texts.length + 1 + index), Buffer.from(text)),
              );
          }
        });
        for (const { log, resolve } of jobs) {
          resolve();
          for (const read of readers.get(log) ?? []) read();
        }
      };
      return {
        async create() {
          logs += 1;
          const log = logs;
          let end = 0;
          return {
            append: (/** @type {readonly string[]} */ texts) =>
              new Promise((resolve) => {
                end += texts.length;
                if (waiting.push({ log, last: end, texts, resolve }) === 1) setImmediate(write);
              }),
            async follow(/** @type {Take} */ take) {
              let after = 0;
              const read = () => {
                const range = db.getRange({ start: keyOf(log, after + 1), end: keyOf(log + 1, 0) });
                const texts = [...range].flatMap(({ value }) => value.toString().split("\n"));
                after += texts.length;
                if (texts.length > 0) take(texts.length, () => texts);
              };
              readers.set(log, [...(readers.get(log) ?? []), read]);
              read();
            },
          };
        },
        close: () => db.close(),
      };
    },
  };
}

/** @param {number} log @param {number} sequence */
function keyOf(log, sequence) {
  const key = Buffer.allocUnsafe(12);
  key.writeUIntBE(log, 0, 6);
  key.writeUIntBE(sequence, 6, 6);
  return key;
}

/**
 * A pipeline for each append; a connection and a blocking XREAD for each reader, or for all of a log that were there
 * before its first entry.
 *
 * @param {{ recordPerAppend: boolean, sharedReader: boolean }} options
 */
async function xadd({ recordPerAppend, sharedReader }) {
  const { Redis } = await peer("ioredis");
  return {
    async open(/** @type {string} */ place) {
      const server = await startRedis(place);
      const client = new Redis(server.url);
      /** @type {any[]} */
      const connections = [client];
      let open = true;

      const append = (/** @type {string} */ name, /** @type {readonly string[]} */ texts) => {
        if (recordPerAppend) return client.xadd(name, "*", ...texts.flatMap((text) => ["e", text]));
        if (texts.length === 1) return client.xadd(name, "*", "e", texts[0]); // faster than a pipeline of one
        const pipeline = client.pipeline();
        for (const text of texts) pipeline.xadd(name, "*", "e", text);
        return pipeline.exec();
      };
      const read = async (/** @type {string} */ name, /** @type {Take} */ take) => {
        const connection = client.duplicate();
        connections.push(connection);
        for (let id = "0"; open;) {
          const answer = await connection.xread("COUNT", 1_024, "BLOCK", 1_000, "STREAMS", name, id).catch(() => null);
          if (!answer) continue;
          /** @type {[string, string[]][]} */
          const records = answer[0][1];
          id = records.at(-1)?.[0] ?? id;
          const count = records.reduce((sum, [, fields]) => sum + fields.length / 2, 0);
          take(count, () => records.flatMap(([, fields]) => fields.filter((_, index) => index % 2 === 1)));
        }
      };
      return {
        serverPid: server.pid,
        async create(/** @type {string} */ name) {
          /** @type {Take[]} */
          const shared = [];
          let begun = false;
          const takeAll = (/** @type {number} */ count, /** @type {() => readonly string[]} */ texts) => {
            begun = true;
            for (const take of shared) take(count, texts);
          };
          return {
            append: (/** @type {readonly string[]} */ texts) => append(name, texts),
            async follow(/** @type {Take} */ take) {
              if (!sharedReader || begun) void read(name, take);
              else if (shared.push(take) === 1) void read(name, takeAll);
            },
          };
        },
        async close() {
          open = false;
          for (const connection of connections) connection.disconnect();
          await server.close();
        },
      };
    },
  };
}
