import { createChannels } from "./channels.mjs";
import { SSE_HEADERS, listen } from "./server.mjs";

/**
 * @typedef {import("./live.mjs").Contender} Contender
 * @typedef {import("./server.mjs").Response} Response
 * @typedef {import("node:net").Socket} Socket
 */

/** What everything else is measured against. */
export const REFERENCE = "raw: res.write(Buffer) to each";
/** The same where somebody comes late: who has nothing to repeat cannot take part. */
export const WHOLE = "raw: one event with the text so far";

/** Milliseconds. */
const WINDOW = 25;

/** Node alone: what anybody would write, and how far it can go. @type {Record<string, Contender>} */
export const liveRaw = {
  [REFERENCE]: {
    benches: ["fanout", "idle", "stalled"],
    async start() {
      /** @type {ReturnType<typeof createChannels<Response>>} */
      const { open, at } = createChannels(
        (readers, event) => {
          const bytes = Buffer.from(concat(event));
          for (const res of readers) res.write(bytes);
        },
        (res) => res.end(),
      );
      const { port } = await listen((req, res) => {
        const readers = at(req.url);
        res.writeHead(200, SSE_HEADERS);
        res.flushHeaders();
        readers.add(res);
        res.on("close", () => readers.delete(res));
      });
      return { port, open };
    },
  },
  "limit: socket.write, a chunk framed once": {
    benches: ["fanout"],
    start: () =>
      onSockets((readers, event) => {
        const bytes = chunk(concat(event));
        for (const socket of readers) socket.write(bytes);
      }),
  },
  [`limit: the same every ${WINDOW} ms`]: {
    benches: ["fanout"],
    start() {
      let batch = "";
      return onSockets((readers, event) => {
        if (batch === "") {
          setTimeout(() => {
            const bytes = chunk(batch);
            batch = "";
            for (const socket of readers) socket.write(bytes);
          }, WINDOW);
        }
        batch += concat(event);
      });
    },
  },
};

/** @type {Record<string, Contender>} */
export const liveWhole = {
  [WHOLE]: {
    benches: ["late"],
    async start() {
      let text = "";
      const { port } = await listen((_, res) => {
        res.writeHead(200, SSE_HEADERS);
        res.write(concat({ id: "1", event: "chunk", data: JSON.stringify({ content: text }) }));
      });
      const gather = async (/** @type {AsyncIterable<string>} */ parts) => {
        text = "";
        for await (const part of parts) text += part;
      };
      return { port, open: (parts) => ({ path: "/", over: gather(parts) }) };
    },
  },
};

const HEAD = [
  "HTTP/1.1 200 OK",
  ...Object.entries(SSE_HEADERS).map(([name, value]) => `${name}: ${value}`),
  "transfer-encoding: chunked",
  "connection: close",
  "\r\n",
].join("\r\n");

/** @param {(readers: Set<Socket>, event: import("./channels.mjs").Event) => void} send */
async function onSockets(send) {
  /** @type {ReturnType<typeof createChannels<Socket>>} */
  const { open, at } = createChannels(send, (socket) => socket.end("0\r\n\r\n"));
  const { port } = await listen((req, { socket }) => {
    if (!socket) return;
    const readers = at(req.url);
    socket.setNoDelay(true);
    socket.write(HEAD);
    readers.add(socket);
    socket.on("close", () => readers.delete(socket));
  });
  return { port, open };
}

/** @param {string} text */
function chunk(text) {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

/** @param {import("./channels.mjs").Event} event */
function concat({ id, event, data }) {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}
