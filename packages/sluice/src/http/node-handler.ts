import { systemClock, type Clock } from "../base/clock.ts";
import { safely, silent, type Logger } from "../base/log.ts";
import { noMeter } from "../base/meter.ts";
import { SluiceError } from "../base/errors.ts";
import { ConnectionEnds } from "./connection-ends.ts";
import { createDeadlines } from "./delivery/deadlines.ts";
import { bodyGiven, callOf, isGone, requestOf } from "./node.ts";
import type { Exchange, NodeRequest, NodeResponse } from "./node.ts";
import { NodeBody, type BodyTarget } from "./node-body.ts";
import { sendReply, writeHead } from "./node-reply.ts";
import { flushHead } from "./node-stream.ts";
import { readerLeft, refuse } from "./reply.ts";

/** What answers a web request: a route of Next, the `fetch` of Hono. */
export type WebHandler = (request: Request) => Response | Promise<Response>;

export interface NodeHandlerOptions {
  /** Told of a handler that threw, of a body that broke and of a client that left before its answer. Default: nothing is told. */
  readonly log?: Logger;
  readonly clock?: Clock;
}

/**
 * A web handler for `node:http`, `node:http2`, Express and the like. The signal of its request fires when the client has
 * gone. The body of its response is pulled: a client that is slow holds it up, and is broken off when it takes nothing
 * for 60 s. A body that breaks is a connection that breaks, and never looks complete. What the handler throws is
 * answered as JSON with the status of its code, 500 for a foreign error.
 *
 * What a parser of bodies has read before it is given as JSON.
 */
export function toNodeHandler(
  handler: WebHandler,
  { log: tell = silent, clock = systemClock }: NodeHandlerOptions = {},
): (req: NodeRequest, res: NodeResponse) => void {
  const log = safely(tell);
  const ends = new ConnectionEnds();
  const stalls = createDeadlines(clock, STALL_MS);
  // Node 20 collects a Request that nobody holds, and its signal never fires for those who wait for it.
  const requests = new WeakMap<NodeResponse, Request>();

  async function answer(to: Target): Promise<void> {
    const { req, res } = to;
    const askedAt = clock.now();
    try {
      const request = toRequest(to);
      requests.set(res, request);
      await send(await handler(request), to);
    } catch (error) {
      if (!isGone(to)) return sendReply(refuse(error, requestOf(req), { log, meter: noMeter }), to);
      // Within its upload, mostly: that is no fault of anybody's.
      const { method, location } = requestOf(req);
      const ms = clock.now() - askedAt;
      readerLeft(log, { method, path: location.pathname, chunks: 0, bytes: 0, ms, error });
    }
  }

  return (req, res) => void answer({ req, res, ends, clock, stalls, log });
}

interface Target extends BodyTarget {
  readonly log: Logger;
}

/** A client of which nothing is taken for so long is not coming back. */
const STALL_MS = 60_000;

/** @throws what keeps the answer from being begun */
async function send(response: Response, to: Target): Promise<void> {
  const { req, res } = to;
  const reader = response.body?.getReader();
  const drop = (): void => void reader?.cancel("The caller has gone.").catch(() => {});
  // Nobody is there any more, or somebody else has answered.
  if (isGone(to) || res.headersSent) return drop();
  try {
    writeHead(res, response.status, headersOf(response));
  } catch (error) {
    drop();
    throw error;
  }
  if (reader && req.method !== "HEAD") return pump(reader, to);
  drop();
  res.end();
}

async function pump(reader: ReadableStreamDefaultReader<Uint8Array>, to: Target): Promise<void> {
  const { req, res, log } = to;
  const body = new NodeBody(to, () => void reader.cancel("The caller has gone.").catch(() => {}));
  try {
    flushHead(res);
    while (!body.gone) {
      const { done, value } = await reader.read();
      if (done) break;
      await body.write(value);
    }
    await body.end();
  } catch (error) {
    if (body.gone) return;
    body.breakOff();
    log("error", "answer broken off", { method: req.method, path: requestOf(req).location.pathname, error });
  } finally {
    body.close();
  }
}

function toRequest(exchange: Exchange): Request {
  const { req } = exchange;
  const call = callOf(req, exchange.res, exchange.ends);
  const { method, url, signal } = call;
  const headers = new Headers();
  for (const [name, value] of Object.entries(req.headers)) {
    // HTTP/2 has its method and path among them.
    if (value !== undefined && !name.startsWith(":")) headers.set(name, String(value));
  }
  const host = call.headers.get("host");
  if (host !== null) headers.set("host", host);
  const body = method === "GET" || method === "HEAD" ? null : bodyOf(req);
  const init: RequestInit & { readonly duplex: "half" } = { method, headers, signal, body, duplex: "half" };
  try {
    return new Request(url, init);
  } catch (cause) {
    // There is none with TRACE, for one: whoever looks for holes in servers asks with it.
    throw new SluiceError("request/method-not-allowed", "This method is not for a web handler.", {
      cause,
      details: { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" },
    });
  }
}

function bodyOf(req: NodeRequest): BodyInit | null {
  const given = bodyGiven(req);
  if (given instanceof Uint8Array) return new Uint8Array(given);
  if (given !== undefined) return typeof given === "string" ? given : JSON.stringify(given);
  if (req.readableEnded) return null;
  // A handler that reads a part must not destroy the connection on which it is to answer.
  const chunks: AsyncIterator<Uint8Array> = req.iterator({ destroyOnReturn: false });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function headersOf({ headers }: Response): Record<string, string | string[]> {
  const cookies = headers.getSetCookie();
  return { ...Object.fromEntries(headers), ...(cookies.length > 0 ? { "set-cookie": cookies } : {}) };
}
