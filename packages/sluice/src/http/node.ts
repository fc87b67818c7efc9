import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { isObject } from "../base/json.ts";
import { incomplete, tooLarge } from "./body.ts";
import { ConnectionEnds } from "./connection-ends.ts";
import type { BodyText, BodyValue, Call, RequestLike } from "./types.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What authorisation may look at of a request of `node:http`. */
export function requestOf(req: NodeRequest): RequestLike & { readonly location: URL } {
  const location = locationOf(req);
  return {
    method: req.method ?? "GET",
    url: location.href,
    location,
    headers: { get: (name) => headerOf(req, name.toLowerCase()) },
  };
}

/**
 * A request of `node:http`, `node:http2`, Express and the like as the handlers see it.
 * @param ends one for all calls of a handler
 */
export function callOf(req: NodeRequest, res: NodeResponse, ends: ConnectionEnds = new ConnectionEnds()): Call {
  const leaving = new LeavingSignal({ req, res, ends });
  return {
    ...requestOf(req),
    get address() {
      return req.socket.remoteAddress;
    },
    get signal() {
      return leaving.signal;
    },
    // Not to a client that has said it closes, and waits for it (nginx does, by default).
    keepAlive:
      req.httpVersionMajor === 1 && req.httpVersionMinor === 1 && "shouldKeepAlive" in res && res.shouldKeepAlive,
    body: (limit) => readBody(req, limit),
  };
}

/** A request, its answer, and where those meet who wait behind another answer. */
export interface Exchange {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly ends: ConnectionEnds;
}

/** Calls `leave`, maybe twice, when the caller has gone, or the answer is over. To be taken back with `offGone`. */
export function onGone({ req, res, ends }: Exchange, leave: () => void): void {
  // On the request, `close` only says that its body has been read.
  res.on("close", leave);
  if ("stream" in res || res.socket !== null) return;
  // Behind another answer on a connection of HTTP/1.1: until it is its turn it does not hear of the connection's end.
  const { socket } = req;
  ends.add(socket, leave);
  res.once("close", () => ends.remove(socket, leave));
}

export function offGone({ req, res, ends }: Exchange, leave: () => void): void {
  res.removeListener("close", leave);
  if (!("stream" in req)) ends.remove(req.socket, leave);
}

// Without a reason of its own an abort makes one, with a stack.
const GONE = "The caller has gone.";

// Made when somebody asks for it: most requests are answered before anybody leaves.
class LeavingSignal {
  readonly #exchange: Exchange;
  #controller: AbortController | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    const controller = new AbortController();
    const leave = (): void => controller.abort(GONE);
    if (isGone(this.#exchange)) leave();
    else onGone(this.#exchange, leave);
    this.#controller = controller;
    return controller.signal;
  }
}

/** The two kinds of response have the same methods with types that do not unite. */
export function writeTo(res: NodeResponse, bytes: Uint8Array): boolean {
  const room = "stream" in res ? res.write(bytes) : res.write(bytes);
  // A middleware that compresses keeps what it was given until it is told to let go.
  if ("flush" in res && typeof res.flush === "function") res.flush();
  return room;
}

/** Whether nobody waits for the answer any more. */
export function isGone({ req, res }: Pick<Exchange, "req" | "res">): boolean {
  if ("stream" in res) return res.stream.destroyed;
  // Behind another answer it does not hear of the connection's end.
  return res.destroyed || (res.socket === null && req.socket.destroyed);
}

// HTTP/2 has `:authority` in the place of `Host`. Where a client sends both, it is what the request was meant for
// (RFC 9113 section 8.3.1).
function headerOf(req: NodeRequest, name: string): string | null {
  return joined((name === "host" ? req.headers[":authority"] : undefined) ?? req.headers[name]);
}

// A Host that is no host must neither make a request unreadable nor have a say in its path.
function locationOf(req: NodeRequest): URL {
  const target = "originalUrl" in req && typeof req.originalUrl === "string" ? req.originalUrl : (req.url ?? "/");
  // The whole URL is what a client sends to a proxy, and may send to anybody.
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "");
  const encrypted = "encrypted" in req.socket && req.socket.encrypted === true;
  const host = headerOf(req, "host") ?? "";
  const scheme = encrypted ? "https" : "http";
  const origin = `${scheme}://${host}`;
  const safe = /^[\w.:[\]-]+$/.test(host) && URL.canParse(origin) ? origin : `${scheme}://localhost`;
  return new URL(safe + (path.startsWith("/") ? path : `/${path}`));
}

function joined(value: string | string[] | undefined): string | null {
  return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
}

async function readBody(req: NodeRequest, limit: number): Promise<BodyText | BodyValue> {
  const given = bodyGiven(req);
  if (typeof given === "string") return { text: given };
  if (given instanceof Uint8Array) return { text: decode(given) };
  if (given !== undefined) return { value: given };
  if (req.readableEnded) return { text: "" };
  if (Number(req.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  return { text: decode(await readAll(req, limit)) };
}

/** What a framework has read already. */
export function bodyGiven(req: NodeRequest): unknown {
  const body = "body" in req ? req.body : undefined;
  // Express 4 gives a body of a type that is not its own as {}, and leaves it to be read.
  const isLeft = isObject(body) && Object.keys(body).length === 0 && !req.readableDidRead;
  return isLeft ? undefined : body;
}

// A loop with `for await` would destroy the socket on the way out, and with it the 413. What is too much is read on
// and dropped, so that a sender who reads only when it has sent everything gets there.
function readAll(req: NodeRequest, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const done = (): void => {
      req.removeListener("error", cut);
      req.removeListener("close", cut);
    };
    const cut = (cause?: unknown): void => {
      done();
      reject(incomplete(cause));
    };
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= limit) chunks.push(chunk);
      else reject(tooLarge(limit));
    });
    req.once("end", () => {
      done();
      resolve(Buffer.concat(chunks));
    });
    req.once("error", cut);
    req.once("close", cut);
    if (req.destroyed) cut();
  });
}

// As a Web Request does: without a BOM.
function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
