import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";

/** What Node would have done with a request if nobody listened for upgrades: answer it as any other. */
export type HandBack = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

interface Answering {
  /** Milliseconds for a request to be there as a whole; 0 for no limit. */
  readonly requestTimeout?: number;
  emit(event: "request", ...args: readonly unknown[]): boolean;
}

// As Node's own.
const REQUEST_MS = 300_000;

/**
 * Whoever listens for upgrades gets every request that asks for one, also those that only offer HTTP/2 (Java's client
 * and `curl --http2` do, with each request). Node has taken its parser away by then, so the request is written anew,
 * without the offer, and parsed again. The connection ends with its answer.
 */
export function createHandBack(server: Answering): HandBack {
  const parser: Server = createServer((req, res) => {
    // The parser listens nowhere, so Node looks after its requests as little as after its connections.
    const { requestTimeout = REQUEST_MS } = server;
    const cut = (): void => void (req.complete || req.socket.destroy());
    const timer = requestTimeout > 0 ? setTimeout(cut, requestTimeout).unref() : undefined;
    res.once("close", () => clearTimeout(timer));
    server.emit("request", req, res);
  });
  return (req, socket, head) => {
    const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`];
    for (let index = 0; index < req.rawHeaders.length; index += 2) {
      const name = req.rawHeaders[index] ?? "";
      if (!DROPPED.has(name.toLowerCase())) lines.push(`${name}: ${req.rawHeaders[index + 1] ?? ""}`);
    }
    lines.push("Connection: close", "", "");
    socket.unshift(Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), head]));
    parser.emit("connection", socket);
  };
}

const DROPPED: ReadonlySet<string> = new Set(["connection", "upgrade", "http2-settings"]);
