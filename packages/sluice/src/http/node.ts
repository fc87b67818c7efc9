import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { isObject } from "../base/json.ts";
import { incomplete, tooLarge } from "./body.ts";
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
    headers: { get: (name) => joined(req.headers[name.toLowerCase()]) },
  };
}

/** A request of `node:http`, `node:http2`, Express and the like as the handlers see it. */
export function callOf(req: NodeRequest, res: NodeResponse): Call {
  return {
    ...requestOf(req),
    signal: signalOfLeaving(req, res),
    // Not to a client that has said it closes, and waits for it (nginx does, by default).
    keepAlive:
      req.httpVersionMajor === 1 && req.httpVersionMinor === 1 && "shouldKeepAlive" in res && res.shouldKeepAlive,
    body: (limit) => readBody(req, limit),
  };
}

// Fires after the end of the answer too, when nobody looks at it any more.
function signalOfLeaving(req: NodeRequest, res: NodeResponse): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  if (isGone(res)) leave();
  // On the request, `close` only says that its body has been read.
  res.once("close", leave);
  if (!("stream" in res) && res.socket === null) {
    // Behind another answer on a connection of HTTP/1.1: until it is its turn it does not hear of the connection's end.
    const { socket } = req;
    socket.once("close", leave);
    res.once("close", () => socket.removeListener("close", leave));
  }
  return gone.signal;
}

function isGone(res: NodeResponse): boolean {
  return "stream" in res ? res.stream.destroyed : res.destroyed;
}

// A Host that is no host must neither make a request unreadable nor have a say in its path.
function locationOf(req: NodeRequest): URL {
  const target = "originalUrl" in req && typeof req.originalUrl === "string" ? req.originalUrl : (req.url ?? "/");
  // The whole URL is what a client sends to a proxy, and may send to anybody.
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "");
  const encrypted = "encrypted" in req.socket && req.socket.encrypted === true;
  const host = joined(req.headers[":authority"] ?? req.headers.host) ?? "";
  const origin = `${encrypted ? "https" : "http"}://${host}`;
  const safe = /^[\w.:[\]-]+$/.test(host) && URL.canParse(origin) ? origin : "http://localhost";
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
function bodyGiven(req: NodeRequest): unknown {
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
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= limit) chunks.push(chunk);
      else reject(tooLarge(limit));
    });
    const cut = (cause?: unknown): void => reject(incomplete(cause));
    req.once("end", () => resolve(Buffer.concat(chunks)));
    req.once("error", cut);
    req.once("close", () => cut());
    if (req.destroyed) cut();
  });
}

// As a Web Request does: without a BOM.
function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
