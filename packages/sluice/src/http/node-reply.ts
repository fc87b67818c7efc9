import { breakOff } from "./break-off.ts";
import { isGone, writeTo, type NodeRequest, type NodeResponse } from "./node.ts";
import { NodeBody, type BodyTarget } from "./node-body.ts";
import { NodeStream } from "./node-stream.ts";
import type { Reply } from "./types.ts";

/**
 * Writes the answer. Resolves when it is complete, broken off or the reader has left.
 * @throws what Node says of headers that cannot be written, before anything is
 */
export function sendReply(reply: Reply, to: BodyTarget): Promise<void> {
  const { req, res, clock } = to;
  // Nobody is there any more, or somebody else has answered (a middleware that limits time, say).
  const tooLate = isGone(to) || res.headersSent;
  if (reply.kind !== "events") return tooLate ? Promise.resolve() : sendWhole(reply, to);
  if (tooLate) {
    reply.events.closed({ left: true, writes: 0, bytes: 0 });
    return Promise.resolve();
  }
  writeHead(res, 200, reply.headers);
  return new Promise((resolve) => {
    try {
      new NodeStream(reply.events, to, resolve).start();
    } catch {
      // The stream itself has logged what kept it from being opened.
      breakOff(req, res, clock);
      resolve();
    }
  });
}

async function sendWhole(reply: Exclude<Reply, { kind: "events" }>, to: BodyTarget): Promise<void> {
  const { req, res } = to;
  const text = reply.kind === "json" ? JSON.stringify(reply.body) : "";
  const headers: Record<string, string> = { ...reply.headers };
  if (reply.kind === "json") headers["content-type"] = "application/json; charset=utf-8";
  if (reply.kind === "json" || (reply.status !== 204 && req.method !== "HEAD"))
    headers["content-length"] = String(Buffer.byteLength(text));
  writeHead(res, reply.status, headers);
  const body = req.method === "HEAD" ? "" : text;
  if (isWhole(req) || body === "") {
    if (body.length > SLICE) return sendSlices(Buffer.from(body), to);
    res.end(body);
    return;
  }
  writeTo(res, Buffer.from(body));
  await restOfBody(to);
  res.end();
}

// Less is mostly in the kernel at once. More is sent as it is taken, so that one who takes it slowly is told from one
// who takes nothing.
const SLICE = 65_536;

async function sendSlices(bytes: Uint8Array, to: BodyTarget): Promise<void> {
  const body = new NodeBody(to, () => {});
  try {
    for (let at = 0; at < bytes.byteLength && !body.gone; at += SLICE) await body.write(bytes.subarray(at, at + SLICE));
    await body.end();
  } finally {
    body.close();
  }
}

function isWhole(req: NodeRequest): boolean {
  return "stream" in req || req.complete;
}

const LINGER_MS = 30_000;

// Where the connection is to end with the answer, Node would end it at once: a sender who is still at its body is reset
// then, and what it was told is lost. So the end waits for the body, which is dropped.
function restOfBody({ req, clock }: BodyTarget): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.timer(LINGER_MS, done);
    req.once("end", done);
    req.once("close", done);
    req.resume();
  });
}

export function writeHead(
  res: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string | string[]>>,
): void {
  if (!("stream" in res) && res.getHeaderNames().length === 0) {
    // Headers that are set one by one are kept as long as the response, which costs an idle stream 800 bytes.
    res.writeHead(status, headers);
    return;
  }
  res.statusCode = status;
  const names = Object.keys(headers).filter((name) => !("stream" in res) || !OF_CONNECTION.has(name.toLowerCase()));
  try {
    for (const name of names) setHeader(res, name, headers[name] ?? "");
  } catch (error) {
    // An error is answered in its place, and has headers of its own.
    for (const name of names) res.removeHeader(name);
    throw error;
  }
}

function setHeader(res: NodeResponse, name: string, value: string | string[]): void {
  // Whoever came before (CORS, a session) may have one too: both count.
  const before = JOINED.has(name.toLowerCase()) ? res.getHeader(name) : undefined;
  if (before === undefined) res.setHeader(name, value);
  else if (name.toLowerCase() === "vary") res.setHeader(name, `${String(before)}, ${String(value)}`);
  else res.setHeader(name, [before, value].flat().map(String));
}

// HTTP/2 has none of these (RFC 9113 section 8.2.2), but an answer that a handler passes on may.
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const JOINED: ReadonlySet<string> = new Set(["vary", "set-cookie"]);
