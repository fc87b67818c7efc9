import type { Server as HttpServer } from "node:http";
import { constants, type Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import { SluiceError } from "sluice/errors";
import type { NodeRequest } from "sluice/http";

export interface Connections {
  /** True for a request on a connection beyond the limit: it is to be refused, and the connection with it. */
  isSurplus(req: NodeRequest): boolean;
}

// What a refused client has to send its request in, and to read its answer.
const SURPLUS_MS = 5_000;
const MARGIN = 0.05;
const LEAST_MARGIN = 16;

/**
 * Beyond `most` connections some more are taken, to be told so: Node itself drops what is too much without a word, and
 * that is what happens beyond the margin (a twentieth, at least 16). HTTP/2 is told with GOAWAY.
 */
export function limitConnections(server: HttpServer | Http2SecureServer, most: number): Connections {
  const surplus = new WeakSet<object>();
  if (most === 0) return { isSurplus: () => false };
  let open = 0;
  // By their ends: an encrypted socket is another object than the one that came. Were they judged when they have shaken
  // hands, of those that come at once the first would be refused, not the last.
  const beyond = new Set<string>();
  const mark = (socket: Socket): void => {
    if (!beyond.has(endsOf(socket))) return;
    surplus.add(socket);
    socket.setTimeout(SURPLUS_MS, () => socket.destroy());
  };
  server.maxConnections = most + Math.max(LEAST_MARGIN, Math.ceil(most * MARGIN));
  // Encrypted or not, each is counted once, by its TCP connection.
  server.on("connection", (socket: Socket) => {
    open += 1;
    const ends = endsOf(socket);
    if (open > most) beyond.add(ends);
    socket.once("close", () => {
      open -= 1;
      beyond.delete(ends);
    });
    if (!isSecure(server)) mark(socket);
  });
  if (isSecure(server)) {
    server.on("secureConnection", mark);
    server.on("session", (session) => {
      if (!beyond.has(endsOf(session.socket))) return;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.close();
    });
  }
  return { isSurplus: (req) => surplus.has(req.socket) };
}

export function tooManyConnections(): SluiceError {
  return new SluiceError("request/too-many-connections", "This server has as many connections as it can have.", {
    details: { retryAfterMs: 2_000 },
  });
}

function endsOf({
  remoteAddress,
  remotePort,
  localAddress,
}: Pick<Socket, "remoteAddress" | "remotePort" | "localAddress">): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

function isSecure(server: HttpServer | Http2SecureServer): server is Http2SecureServer {
  return "setSecureContext" in server;
}
