import { createServer, type Server } from "node:http";
import { createSecureServer, type Http2SecureServer, type SecureServerOptions } from "node:http2";
import type { Socket } from "node:net";
import type { NodeRequest, NodeResponse } from "sluice/http";
import { TICK_MS, createSessions } from "./sessions.ts";
import { readCertificate, type TlsFiles } from "./tls.ts";

/** HTTP/1.1 in the clear; with a certificate HTTP/2 and HTTP/1.1 over TLS. */
export interface WebServer {
  readonly scheme: "http" | "https";
  readonly server: Server | Http2SecureServer;
  /** Reads the certificate's files again, for connections from now on. @throws SluiceError `option/invalid` */
  reload(): void;
  /** Asks clients who can be asked (HTTP/2) to come back on a new connection. What is open goes on. */
  leave(): void;
  /** Resolves when the last connection has ended. Those that are still open after 2 s are cut. */
  close(): Promise<void>;
}

// Readers get their terminal within this after the last run has ended, or are cut off.
const LAST_FRAMES_MS = 2_000;
const POLL_MS = 50;
// Longer than load balancers keep an idle connection (60 s): whoever closes first, the other must not be sending on it.
const KEEP_ALIVE_MS = 65_000;

export function createWebServer(
  tls: TlsFiles | undefined,
  handle: (req: NodeRequest, res: NodeResponse) => void,
): WebServer {
  if (tls) return createTlsServer(tls, handle);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handle);
  // Node forgets those that have asked for an upgrade, whether they got it or not.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return {
    scheme: "http",
    server,
    reload() {},
    leave() {},
    close: () =>
      closed(server, {
        idle: () => server.closeIdleConnections(),
        cut() {
          for (const socket of sockets) socket.destroy();
        },
      }),
  };
}

function createTlsServer(tls: TlsFiles, handle: (req: NodeRequest, res: NodeResponse) => void): WebServer {
  const server = createSecureServer({ ...HTTP2, ...readCertificate(tls) }, handle);
  // Node gives these to a server of HTTP/1.1 only, and one that speaks both would keep idle connections for ever.
  Object.assign(server, { keepAliveTimeout: KEEP_ALIVE_MS });
  const sockets = new Set<Socket>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const sessions = createSessions();
  server.on("session", sessions.add);
  const ticking = setInterval(sessions.tick, TICK_MS).unref();
  return {
    scheme: "https",
    server,
    reload: () => server.setSecureContext(readCertificate(tls)),
    leave: sessions.leave,
    async close() {
      await closed(server, {
        idle() {
          // Those that came after `leave` too.
          sessions.leave();
          if ("closeIdleConnections" in server && typeof server.closeIdleConnections === "function") {
            server.closeIdleConnections();
          }
        },
        cut() {
          sessions.destroy();
          for (const socket of sockets) socket.destroy();
        },
      });
      clearInterval(ticking);
    },
  };
}

const HTTP2: SecureServerOptions = {
  allowHTTP1: true,
  // A connection that never gets to say anything costs 10 s; Node gives it 120.
  handshakeTimeout: 10_000,
  settings: {
    // A browser opens every stream of all its tabs on one session. nghttp2 itself ends a session that resets more than
    // 1,000 streams, and then 33 a second (CVE-2023-44487).
    maxConcurrentStreams: 250,
    // As many bytes of request headers as Node takes on HTTP/1.1. More is answered with ENHANCE_YOUR_CALM.
    maxHeaderListSize: 16_384,
    // For what comes in, which is requests of a few KiB: 64 KiB per stream that nobody has read yet.
    initialWindowSize: 65_535,
    enablePush: false,
  },
  // In MB. 250 readers that have stopped reading hold 64 KiB each, 16 MB: they must not keep others of the session out.
  // Over it, new streams are refused, never ended.
  maxSessionMemory: 32,
  // Frames that break the protocol, and streams beyond the limit, before a session is ended.
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
};

interface Ways {
  /** Ends connections on which nothing is going on. A connection that was kept alive becomes one with its last answer. */
  readonly idle: () => void;
  readonly cut: () => void;
}

async function closed(server: Server | Http2SecureServer, { idle, cut }: Ways): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  idle();
  const idling = setInterval(idle, POLL_MS);
  const last = setTimeout(cut, LAST_FRAMES_MS);
  await done;
  clearInterval(idling);
  clearTimeout(last);
}
