import { once } from "node:events";
import { createServer } from "node:http";

/**
 * @typedef {import("node:http").IncomingMessage} Request
 * @typedef {import("node:http").ServerResponse} Response
 * @typedef {import("./source.mjs").Query} Query
 *
 * @typedef {object} Contender
 * @property {"raw" | "sluice" | "peer"} kind
 * @property {boolean} [resumes] it keeps the answer: a reader that was cut continues where it was
 * @property {"burst" | "rate"} [only] the other modes mean nothing to it
 * @property {"too" | "only"} [long] it takes part where events are long, `only` nowhere else
 * @property {string} [plain] who sends the same without compression
 * @property {() => Promise<Started>} start
 *
 * @typedef {object} Started
 * @property {number} port
 * @property {(query: Query) => Ask | Promise<Ask>} [ask] default: GET with the query
 * @property {() => Promise<void>} [reset] forgets what earlier rounds left behind
 *
 * @typedef {{ method: string, path: string, body?: string, headers?: Record<string, string> }} Ask
 */

export const SSE_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
};

/** Thousands of readers come at once. */
const BACKLOG = 4_096;

/** @param {string | undefined} url @returns {Query} */
export function queryOf(url) {
  return toQuery(Object.fromEntries(new URL(url ?? "/", "http://localhost").searchParams));
}

/** @param {Record<string, unknown>} fields @returns {Query} */
export function toQuery({ n, mode, ms }) {
  return { n: Number(n), mode: mode === "tick" || mode === "rate" ? mode : "burst", ms: Number(ms) };
}

/** @param {Query} query @returns {Ask} */
export function getWith(query) {
  return { method: "GET", path: `/?${new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]))}` };
}

/**
 * @param {(req: Request, res: Response) => unknown} handle
 * @returns {Promise<Started>}
 */
export function listen(handle) {
  return opened(createServer((req, res) => void handle(req, res)));
}

/** @param {import("node:net").Server} server @returns {Promise<Started>} */
export async function opened(server) {
  server.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return { port: address.port };
}

/**
 * What to wait for before the next write, if anything.
 *
 * @param {import("node:stream").Writable} stream
 * @param {boolean} hasRoom what `write` returned
 */
export function drained(stream, hasRoom) {
  return hasRoom ? undefined : once(stream, "drain");
}
