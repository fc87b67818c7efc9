import { createServer } from "node:http";
import { peer } from "../lib/peer.mjs";
import { eventAt, paceOf, pour } from "./source.mjs";
import { SSE_HEADERS, drained, listen, opened, queryOf } from "./server.mjs";

/**
 * @typedef {import("./server.mjs").Contender} Contender
 * @typedef {import("./server.mjs").Started} Started
 * @typedef {import("./source.mjs").Event} Event
 */

/** @type {Record<string, Contender>} */
export const peerContenders = {
  "better-sse, no backpressure": theirs(async () => {
    const { createSession } = await peer("better-sse");
    return listen(async (req, res) => {
      const session = await createSession(req, res, BETTER_SSE);
      await pour(queryOf(req.url), ({ id, event, data }) => void session.push(data, event, id));
      res.end();
    });
  }),
  "better-sse, drain by hand": theirs(async () => {
    const { createSession } = await peer("better-sse");
    return listen(async (req, res) => betterSse(createSession, req, res));
  }),
  "express 5 + better-sse, drain by hand": theirs(async () => {
    const { createSession } = await peer("better-sse");
    const { default: express } = await peer("express");
    const app = express();
    app.get("/", (/** @type {any} */ req, /** @type {any} */ res) => betterSse(createSession, req, res));
    return opened(createServer(app));
  }),
  "fastify + @fastify/sse": theirs(async () => {
    const { default: fastify } = await peer("fastify");
    const { default: sse } = await peer("@fastify/sse");
    const app = fastify();
    await app.register(sse, { serializer: asIs });
    app.get("/", { sse: "only" }, async (/** @type {any} */ req, /** @type {any} */ reply) => {
      await reply.sse.send(events(req.raw.url));
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: app.server.address().port };
  }),
  "hono streamSSE": theirs(async () => {
    const { streamSSE } = await peer("hono/streaming");
    return hono((context) =>
      streamSSE(context, (/** @type {any} */ stream) =>
        pour(queryOf(context.req.url), (event) => stream.writeSSE(event)),
      ),
    );
  }),
  "hono Response(ReadableStream)": theirs(() =>
    hono((context) => new Response(pulled(context.req.url), { headers: SSE_HEADERS })),
  ),
  "h3 createEventStream": theirs(async () => {
    const { H3, createEventStream } = await peer("h3");
    const { toNodeHandler } = await peer("h3/node");
    const app = new H3();
    app.get("/", (/** @type {any} */ event) => {
      const stream = createEventStream(event);
      void pour(queryOf(event.req.url), (message) => stream.push(message)).then(() => stream.close());
      return stream;
    });
    return listen(toNodeHandler(app));
  }),
};

const asIs = (/** @type {string} */ data) => data;
const BETTER_SSE = { serializer: asIs, retry: null };

/** @param {() => Promise<Started>} start @returns {Contender} */
function theirs(start) {
  return { kind: "peer", start };
}

/**
 * @param {any} createSession
 * @param {import("./server.mjs").Request} req
 * @param {import("./server.mjs").Response} res
 */
async function betterSse(createSession, req, res) {
  const session = await createSession(req, res, BETTER_SSE);
  await pour(queryOf(req.url), ({ id, event, data }) => {
    session.push(data, event, id);
    return drained(res, !res.writableNeedDrain);
  });
  res.end();
}

/** @param {(context: any) => Response | Promise<Response>} handle */
async function hono(handle) {
  const { Hono } = await peer("hono");
  const { createAdaptorServer } = await peer("@hono/node-server");
  const app = new Hono();
  app.get("/", handle);
  return opened(createAdaptorServer({ fetch: app.fetch }));
}

/** @param {string} url */
async function* events(url) {
  const query = queryOf(url);
  const pace = paceOf(query);
  for (let index = 0; index < query.n; index += 1) {
    yield eventAt(index);
    if (pace) await pace();
  }
}

/** What one writes by hand for a web server: one chunk for each event. @param {string} url */
function pulled(url) {
  const utf8 = new TextEncoder();
  const source = events(url);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) return controller.close();
      const { id, event, data } = value;
      controller.enqueue(utf8.encode(`id: ${id}\nevent: ${event}\ndata: ${data}\n\n`));
    },
  });
}
