import { createEventEncoder, createSSEStream, encodeEvent } from "sluice/sse";
import { peer } from "../lib/peer.mjs";

/**
 * @typedef {{ id: string, event: string, data: string }} Event
 *
 * @typedef {(chunk: string | Uint8Array, length: number) => void} Take
 * is given everything that was encoded; the first `length` of the chunk count, and are copied before the call returns
 *
 * @typedef {object} Encoder
 * @property {"raw" | "sluice" | "peer"} kind
 * @property {boolean} [wrapsData] sends the data as a JSON string: what a client reads is the text in quotes
 * @property {() => Promise<(events: readonly Event[], take: Take) => void | Promise<void>>} load
 */

/** What everything else is measured against. */
export const REFERENCE = "raw: concat + Buffer.from";

/** Of 260 bytes: 16 KiB. */
const AT_ONCE = 64;
const encodeMany = createEventEncoder();

/** @type {Record<string, Encoder>} */
export const encoders = {
  "raw: concat, string only": raw((events, take) => {
    for (const event of events) takeText(concat(event), take);
  }),
  [REFERENCE]: raw((events, take) => {
    for (const event of events) takeBytes(Buffer.from(concat(event)), take);
  }),
  "raw: concat + TextEncoder": raw((events, take) => {
    for (const event of events) takeBytes(utf8.encode(concat(event)), take);
  }),
  "limit: concat, written into one slab": raw((events, take) => {
    let at = 0;
    for (const event of events) {
      if (at > SLAB_BYTES - MAX_EVENT_BYTES) at = 0;
      const length = slab.write(concat(event), at);
      take(slab.subarray(at, at + length), length);
      at += length;
    }
  }),
  "limit: 16 KiB batches, written into one slab": raw((events, take) => {
    let batch = "";
    const flush = () => {
      take(slab, slab.write(batch));
      batch = "";
    };
    for (const event of events) {
      batch += concat(event);
      if (batch.length > 16_384) flush();
    }
    if (batch !== "") flush();
  }),

  "sluice: encodeEvent, string only": ours((events, take) => {
    for (const event of events) takeText(encodeEvent(event), take);
  }),
  "sluice: encodeEvent + Buffer.from": ours((events, take) => {
    for (const event of events) takeBytes(Buffer.from(encodeEvent(event)), take);
  }),
  [`sluice: createEventEncoder, ${AT_ONCE} at once`]: ours((events, take) => {
    for (let at = 0; at < events.length; at += AT_ONCE) takeBytes(encodeMany(events.slice(at, at + AT_ONCE)), take);
  }),
  "sluice: createSSEStream, read": ours(async (events, take) => {
    const { stream, send, ready, close } = createSSEStream();
    const read = readAll(stream, take);
    for (const event of events) if (!send(event)) await ready();
    close();
    await read;
  }),

  "eventsource-encoder + Buffer.from": {
    kind: "peer",
    async load() {
      const { encode } = await peer("eventsource-encoder");
      return (events, take) => {
        for (const event of events) takeBytes(Buffer.from(encode(event)), take);
      };
    },
  },
  "better-sse event buffer, raw": betterSse({ serializer: (/** @type {string} */ data) => data }),
  "better-sse event buffer, JSON": { ...betterSse({}), wrapsData: true },
  "@fastify/sse, formatting restated": {
    kind: "peer",
    // The package exports no encoder. These are its steps; `serve` measures the package itself.
    load: async () => (events, take) => {
      for (const { id, event, data } of events) {
        let text = `id: ${id}\nevent: ${event}\n`;
        for (const line of data.split("\n")) text += `data: ${line}\n`;
        takeBytes(Buffer.from(`${text}\n`), take);
      }
    },
  },
  "h3 event stream, read": {
    kind: "peer",
    async load() {
      const { H3Event, createEventStream } = await peer("h3");
      return async (events, take) => {
        const stream = createEventStream(new H3Event(new Request("http://localhost/")));
        const read = readAll(stream.body, take);
        for (const event of events) await stream.push(event);
        await stream.close();
        await read;
      };
    },
  },
  "hono writeSSE, read": {
    kind: "peer",
    async load() {
      const { SSEStreamingApi } = await peer("hono/streaming");
      return async (events, take) => {
        const { readable, writable } = new TransformStream();
        const stream = new SSEStreamingApi(writable, readable);
        const read = readAll(stream.responseReadable, take);
        for (const event of events) await stream.writeSSE(event);
        await stream.close();
        await read;
      };
    },
  },
};

const SLAB_BYTES = 1 << 20;
const MAX_EVENT_BYTES = 1 << 18;
const slab = Buffer.allocUnsafe(SLAB_BYTES);
const utf8 = new TextEncoder();

/** The least that keeps line breaks in the data. @param {Event} event */
function concat({ id, event, data }) {
  const lines = data.includes("\n") || data.includes("\r") ? data.split(/\r\n|\r|\n/).join("\ndata: ") : data;
  return `id: ${id}\nevent: ${event}\ndata: ${lines}\n\n`;
}

/** @param {string} text @param {Take} take */
function takeText(text, take) {
  take(text, text.length);
}

/** @param {Uint8Array} bytes @param {Take} take */
function takeBytes(bytes, take) {
  take(bytes, bytes.length);
}

/** @param {ReadableStream<Uint8Array>} stream @param {Take} take */
async function readAll(stream, take) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) takeBytes(next.value, take);
}

/** @param {(events: readonly Event[], take: Take) => void} encode @returns {Encoder} */
function raw(encode) {
  return { kind: "raw", load: async () => encode };
}

/** @param {(events: readonly Event[], take: Take) => void | Promise<void>} encode @returns {Encoder} */
function ours(encode) {
  return { kind: "sluice", load: async () => encode };
}

/** @param {object} options @returns {Encoder} */
function betterSse(options) {
  return {
    kind: "peer",
    async load() {
      const { createEventBuffer } = await peer("better-sse");
      return (events, take) => {
        const buffer = createEventBuffer(options);
        for (const { id, event, data } of events) {
          buffer.push(data, event, id);
          takeBytes(Buffer.from(buffer.read()), take);
          buffer.clear();
        }
      };
    },
  };
}
