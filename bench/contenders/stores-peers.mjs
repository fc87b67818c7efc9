import { startChild } from "../lib/child.mjs";
import { peer } from "../lib/peer.mjs";
import { SERVER_CORE } from "../lib/proc.mjs";
import { startRedis } from "../lib/redis.mjs";
import { DURABLE_LMDB, XADD } from "./stores-raw.mjs";

/**
 * @typedef {import("./stores.mjs").Contender} Contender
 * @typedef {import("./stores.mjs").Take} Take
 */

/** @type {Record<string, Contender>} */
export const peerStores = {
  // It stores nothing but in the memory of the process that made the stream; Redis carries it to the readers. So it is
  // asked only with readers: without, it does nothing.
  "resumable-stream": { kind: "peer", against: XADD, asked: ["readers", "tail"], start: resumableStream },
  // Over HTTP, as it is meant, with its own client. Its file store waits for an fsync.
  "@durable-streams/server, file": {
    kind: "peer",
    against: DURABLE_LMDB,
    asked: ["append", "readers", "tail"],
    start: durableStreams,
  },
};

async function resumableStream() {
  const { Redis } = await peer("ioredis");
  const { createResumableStreamContext } = await peer("resumable-stream/ioredis");
  return {
    async open(/** @type {string} */ place) {
      const server = await startRedis(place);
      const publisher = new Redis(server.url);
      const subscriber = new Redis(server.url);
      const context = createResumableStreamContext({ waitUntil: null, publisher, subscriber });
      return {
        serverPid: server.pid,
        async create(/** @type {string} */ name) {
          const { stream, append } = chunks();
          const own = await context.createNewResumableStream(name, () => stream);
          void drain(own, () => {});
          return {
            append,
            async follow(/** @type {Take} */ take) {
              const resumed = await context.resumeExistingStream(name);
              void drain(resumed, (/** @type {string} */ text) => {
                if (text === "") return;
                const texts = text.slice(0, -1).split("\n");
                take(texts.length, () => texts);
              });
            },
          };
        },
        async close() {
          publisher.disconnect();
          subscriber.disconnect();
          await server.close();
        },
      };
    },
  };
}

/** A source that is read as slowly as its reader publishes: an append is done when the next chunk is asked for. */
function chunks() {
  /** @type {{ text: string, done: () => void }[]} */
  const waiting = [];
  /** @type {(() => void) | undefined} */
  let wake;
  /** @type {(() => void) | undefined} */
  let published;
  const stream = new ReadableStream(
    {
      async pull(controller) {
        published?.();
        if (waiting.length === 0) await new Promise((resolve) => (wake = () => resolve(undefined)));
        const next = waiting.shift();
        published = next?.done;
        controller.enqueue(next?.text);
      },
    },
    { highWaterMark: 0 },
  );
  const append = (/** @type {readonly string[]} */ texts) =>
    new Promise((resolve) => {
      texts.forEach((text, index) => {
        const done = index === texts.length - 1 ? () => resolve(undefined) : () => {};
        waiting.push({ text: `${text}\n`, done });
      });
      wake?.();
    });
  return { stream, append };
}

/**
 * @param {ReadableStream<string>} stream
 * @param {(text: string) => void} take
 */
async function drain(stream, take) {
  for await (const text of stream) take(text);
}

/** @param {string} place */
async function durableStreams(place) {
  const { DurableStream } = await peer("@durable-streams/client");
  const file = "durable-streams-child.mjs";
  const server = await startChild({ core: SERVER_CORE, file, args: [place], silent: true }); // it logs slow appends
  const { url, pid } = await server.call("where");
  let opened = 0;
  return {
    async open() {
      opened += 1;
      const prefix = `${url}/${opened}`;
      const closed = new AbortController();
      /** @type {any[]} */
      const made = [];
      return {
        serverPid: pid,
        async create(/** @type {string} */ name) {
          const stream = await DurableStream.create({ url: `${prefix}/${name}`, contentType: "application/json" });
          made.push(stream);
          return {
            // Its client puts into one request what waits while another is under way.
            append: (/** @type {readonly string[]} */ texts) => Promise.all(texts.map((text) => stream.append(text))),
            async follow(/** @type {Take} */ take) {
              const answer = await stream.stream({ live: "sse", signal: closed.signal });
              answer.closed.catch(() => {}); // by our signal
              answer.subscribeJson((/** @type {{ items: readonly unknown[] }} */ { items }) => {
                take(items.length, () => items.map((item) => JSON.stringify(item)));
              });
            },
          };
        },
        async close() {
          closed.abort();
          // It keeps a file open for each stream, a hundred at most: with more its appends fail.
          for (const stream of made) await stream.delete();
        },
      };
    },
  };
}
