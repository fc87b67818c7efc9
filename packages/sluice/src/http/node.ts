import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { tooLarge } from "./ask.ts";
import { breakOff } from "./break-off.ts";
import { HEARTBEAT, greeting } from "./greeting.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { BodyText, BodyValue, Call, EventStream, Reply, RequestLike } from "./types.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What authorisation may look at of a request of `node:http`. */
export function requestOf(req: NodeRequest): RequestLike & { readonly location: URL } {
  const location = locationOf(req);
  return {
    method: req.method ?? "GET",
    url: location.href,
    location,
    headers: { get: (name) => joined(req.headers[name.toLowerCase()]) },
  };
}

/** A request of `node:http`, `node:http2`, Express and the like as the handlers see it. */
export function callOf(req: NodeRequest, res: NodeResponse): Call {
  const gone = new AbortController();
  // On the request, `close` only says that its body has been read.
  res.once("close", () => gone.abort());
  return {
    ...requestOf(req),
    signal: gone.signal,
    keepAlive: req.httpVersionMajor === 1 && req.httpVersionMinor === 1,
    body: (limit) => readBody(req, limit),
  };
}

// A Host that is no host must neither make a request unreadable nor have a say in its path.
function locationOf(req: NodeRequest): URL {
  const path = "originalUrl" in req && typeof req.originalUrl === "string" ? req.originalUrl : (req.url ?? "/");
  const encrypted = "encrypted" in req.socket && req.socket.encrypted === true;
  const host = joined(req.headers[":authority"] ?? req.headers.host) ?? "";
  const origin = `${encrypted ? "https" : "http"}://`;
  const relative = path.startsWith("/") ? path : `/${path}`;
  return /^[\w.:[\]-]+$/.test(host) && URL.canParse(`${origin}${host}${relative}`)
    ? new URL(`${origin}${host}${relative}`)
    : new URL(`${origin}localhost${encodeURI(relative)}`);
}

function joined(value: string | string[] | undefined): string | null {
  return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
}

async function readBody(req: NodeRequest, limit: number): Promise<BodyText | BodyValue> {
  // Express and others have read it already.
  if ("body" in req && req.body !== undefined) {
    return typeof req.body === "string" ? { text: req.body } : { value: req.body };
  }
  if (req.readableEnded) return { text: "" };
  if (Number(req.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // A loop with `for await` would destroy the socket on the way out, and with it the 413.
  await new Promise<void>((resolve, reject) => {
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= limit) chunks.push(chunk);
      else reject(tooLarge(limit));
    });
    req.once("end", resolve);
    const cut = (cause?: unknown): void => reject(incomplete(cause));
    req.once("error", cut);
    req.once("close", () => cut());
    if (req.destroyed) cut();
  });
  return { text: Buffer.concat(chunks).toString() };
}

function incomplete(cause: unknown): SluiceError {
  return new SluiceError("request/malformed-json", "The body ended before it was complete.", { cause });
}

/** Writes the answer. Resolves when it is complete, broken off or the reader has left; never rejects. */
export async function sendReply(reply: Reply, req: NodeRequest, res: NodeResponse, clock: Clock): Promise<void> {
  if (res.destroyed) return;
  if (reply.kind === "events") return sendEvents(reply.events, reply.headers, req, res, clock);
  const text = reply.kind === "json" ? JSON.stringify(reply.body) : "";
  const headers: Record<string, string> = { ...reply.headers };
  if (reply.kind === "json") headers["content-type"] = "application/json; charset=utf-8";
  if (reply.status !== 204) headers["content-length"] = String(Buffer.byteLength(text));
  writeHead(res, reply.status, headers);
  res.end(req.method === "HEAD" ? "" : text);
}

async function sendEvents(
  events: EventStream,
  headers: Readonly<Record<string, string>>,
  req: NodeRequest,
  res: NodeResponse,
  clock: Clock,
): Promise<void> {
  const leaving = new AbortController();
  const onClose = (): void => leaving.abort();
  res.once("close", onClose);
  let broken: { readonly error: unknown } | undefined;
  let writes = 0;
  let bytes = 0;
  const write = (text: string): boolean => {
    const frame = Buffer.from(text);
    writes += 1;
    bytes += frame.byteLength;
    return writeTo(res, frame);
  };

  req.socket.setNoDelay(true);
  writeHead(res, 200, headers);
  write(greeting(events.retryMs));
  const heartbeat = startHeartbeat(clock, events.heartbeatMs, () => {
    if (!res.writableNeedDrain) write(HEARTBEAT);
  });
  const leave = events.enter((error) => {
    broken = { error };
    leaving.abort();
    breakOff(req, res, clock);
  });
  try {
    for await (const frames of events.open(leaving.signal)) {
      heartbeat.touch();
      if (!write(frames)) await drained(res);
      heartbeat.touch();
    }
    res.removeListener("close", onClose);
    res.end();
    events.closed({ left: false, writes, bytes });
  } catch (error) {
    const left = leaving.signal.aborted && broken === undefined;
    events.closed(left ? { left, writes, bytes } : { error: broken?.error ?? error, left, writes, bytes });
    if (!leaving.signal.aborted) breakOff(req, res, clock);
  } finally {
    heartbeat.stop();
    leave();
  }
}

// The two kinds of response have the same methods with types that do not unite.
function writeHead(res: NodeResponse, status: number, headers: Readonly<Record<string, string>>): void {
  res.statusCode = status;
  const http2 = "stream" in res;
  for (const [name, value] of Object.entries(headers)) {
    if (!(http2 && name.toLowerCase() === "connection")) res.setHeader(name, value);
  }
}

function writeTo(res: NodeResponse, frame: Buffer): boolean {
  return "stream" in res ? res.write(frame) : res.write(frame);
}

function drained(res: NodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.removeListener("drain", done);
      res.removeListener("close", done);
      resolve();
    };
    res.once("drain", done);
    res.once("close", done);
  });
}
