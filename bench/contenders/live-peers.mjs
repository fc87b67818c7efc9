import { peer } from "../lib/peer.mjs";
import { createChannels } from "./channels.mjs";
import { listen, opened } from "./server.mjs";

/** @typedef {import("./live.mjs").Contender} Contender */

const asIs = (/** @type {string} */ data) => data;
const BETTER_SSE = { serializer: asIs, retry: null, keepAlive: null };

/** @type {Record<string, Contender>} */
export const livePeers = {
  "better-sse, channel.broadcast": {
    benches: ["fanout", "idle", "stalled"],
    async start() {
      const { createSession, createChannel } = await peer("better-sse");
      /** A channel of theirs for each answer. @type {Map<string, any>} */
      const channels = new Map();
      let answers = 0;
      const { port } = await listen(async (req, res) => {
        channels.get(req.url ?? "")?.register(await createSession(req, res, BETTER_SSE));
      });
      const pour = async (/** @type {any} */ channel, /** @type {AsyncIterable<string>} */ parts) => {
        let id = 0;
        for await (const content of parts) {
          id += 1;
          channel.broadcast(JSON.stringify({ content }), "chunk", { eventId: String(id) });
        }
      };
      return {
        port,
        open(parts) {
          answers += 1;
          const path = `/${answers}`;
          const channel = createChannel();
          channels.set(path, channel);
          return { path, over: pour(channel, parts).finally(() => channels.delete(path)) };
        },
      };
    },
  },
  "fastify + @fastify/sse": {
    benches: ["idle"],
    async start() {
      const { default: fastify } = await peer("fastify");
      const { default: sse } = await peer("@fastify/sse");
      /** @type {ReturnType<typeof createChannels<any>>} */
      const { open, at } = createChannels(
        (readers, event) => {
          for (const reader of readers) void reader.send(event);
        },
        (reader) => reader.close(),
      );
      const app = fastify();
      await app.register(sse, { serializer: asIs, heartbeatInterval: 0 });
      app.get("/:answer", { sse: "only" }, (/** @type {any} */ req, /** @type {any} */ reply) => {
        const readers = at(req.raw.url);
        const stream = reply.sse;
        stream.keepAlive();
        stream.sendHeaders();
        reply.raw.flushHeaders();
        readers.add(stream);
        return new Promise((resolve) => {
          stream.onClose(() => {
            readers.delete(stream);
            resolve(undefined);
          });
        });
      });
      await app.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
      return { port: app.server.address().port, open };
    },
  },
  "hono streamSSE": {
    benches: ["idle"],
    async start() {
      const { Hono } = await peer("hono");
      const { streamSSE } = await peer("hono/streaming");
      const { createAdaptorServer } = await peer("@hono/node-server");
      /** @type {ReturnType<typeof createChannels<any>>} */
      const { open, at } = createChannels(
        (readers, event) => {
          for (const stream of readers) void stream.writeSSE(event);
        },
        (stream) => stream.abort(),
      );
      const app = new Hono();
      app.get("/:answer", (/** @type {any} */ context) => {
        const readers = at(context.req.path);
        return streamSSE(context, async (/** @type {any} */ stream) => {
          await stream.write(": hello\n\n");
          readers.add(stream);
          await new Promise((resolve) => stream.onAbort(() => resolve(readers.delete(stream))));
        });
      });
      const { port } = await opened(createAdaptorServer({ fetch: app.fetch }));
      return { port, open };
    },
  },
};
