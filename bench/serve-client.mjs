// Reads what the servers send, in a process of its own, started by serve.mjs and replay.mjs.
import { createHash } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:net";
import { createBrotliDecompress, createGunzip } from "node:zlib";
import { EVENT_NAME, dataAt } from "./contenders/source.mjs";
import { answerCalls } from "./lib/child.mjs";
import { peer } from "./lib/peer.mjs";

/** @typedef {import("./contenders/server.mjs").Ask & { port: number }} Ask */

const { createParser } = await peer("eventsource-parser");
const buffer = Buffer.allocUnsafe(1 << 18);
const END = "\r\n0\r\n\r\n";

answerCalls({
  check,
  /** Milliseconds until all of them have everything; the bytes that one was sent, and when it had the first of them. */
  async read(/** @type {{ ask: Ask, times: number }} */ { ask, times }) {
    const start = performance.now();
    const [one] = await Promise.all(Array.from({ length: times }, () => readRaw(ask)));
    return { ms: performance.now() - start, bytes: one?.bytes ?? 0, firstMs: (one?.firstAt ?? start) - start };
  },
});

/**
 * Looks only for the end of the body: the cost of reading is the same for all, and small.
 *
 * @param {Ask} ask
 * @returns {Promise<{ bytes: number, firstAt: number }>}
 */
function readRaw({ port, method, path, body = "", headers = {} }) {
  return new Promise((resolve, reject) => {
    let head = "";
    let tail = "";
    let total = 0;
    let firstAt = 0;
    const done = () => {
      if (tail === END) resolve({ bytes: total, firstAt });
      else reject(new Error(`The answer to ${method} ${path} broke off after ${JSON.stringify(head)}`));
      socket.destroy();
    };
    const callback = (/** @type {number} */ bytes) => {
      total += bytes;
      firstAt ||= performance.now();
      if (head === "") head = buffer.toString("latin1", 0, Math.min(bytes, 15));
      tail = (tail + buffer.toString("latin1", Math.max(0, bytes - END.length), bytes)).slice(-END.length);
      if (tail === END) done();
      return true;
    };
    const socket = connect({ port, host: "127.0.0.1", onread: { buffer, callback } }, () => {
      const type =
        body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const lines = `Host: localhost\r\nAccept: text/event-stream\r\n${type}${more.join("")}`;
      socket.write(`${method} ${path} HTTP/1.1\r\n${lines}\r\n${body}`);
    });
    socket.once("end", done);
    socket.once("error", reject);
  });
}

/**
 * What is wrong with an answer, read with Node's HTTP client and a parser of SSE that is not ours: every event has to
 * be there once, in order, with the data that went in and an id of its own.
 *
 * @param {{ ask: Ask, n: number }} options
 * @returns {Promise<string | undefined>}
 */
async function check({ ask: { port, method, path, body, headers: own }, n }) {
  const got = createHash("sha256");
  const ids = new Set();
  let events = 0;
  const parser = createParser({
    onEvent(/** @type {{ id?: string, event?: string, data: string }} */ { id, event, data }) {
      if (event !== EVENT_NAME) return;
      events += 1;
      ids.add(id);
      got.update(`${data}\n`);
    },
  });
  const headers = { accept: "text/event-stream", ...(body ? { "content-type": "application/json" } : {}), ...own };
  await new Promise((resolve, reject) => {
    const req = request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (res) => {
      if (res.statusCode !== 200) reject(new Error(`status ${res.statusCode}`));
      const decoded = decodedOf(res);
      decoded.setEncoding("utf8");
      decoded.on("data", (text) => parser.feed(text));
      decoded.once("end", resolve);
      decoded.once("error", reject);
    });
    req.once("error", reject);
    req.end(body);
  });

  const want = createHash("sha256");
  for (let index = 0; index < n; index += 1) want.update(`${dataAt(index)}\n`);
  if (events !== n) return `${events} of ${n} events`;
  if (ids.size !== n || ids.has(undefined)) return "events share ids";
  return got.digest("hex") === want.digest("hex") ? undefined : "changes the data";
}

/** @param {import("node:http").IncomingMessage} res @returns {import("node:stream").Readable} */
function decodedOf(res) {
  const encoding = res.headers["content-encoding"];
  if (encoding === "gzip") return res.pipe(createGunzip());
  return encoding === "br" ? res.pipe(createBrotliDecompress()) : res;
}
