import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";

/** The sessions of an HTTP/2 server: looked after by one timer for all. */
export interface Sessions {
  /** To be called every TICK_MS. */
  tick(): void;
  add(session: ServerHttp2Session): void;
  /** GOAWAY: open streams go on, and whoever wants another one connects again. */
  leave(): void;
  destroy(): void;
}

export const TICK_MS = 15_000;

// In ticks. A peer that answers no ping for so long is gone, and its streams hold memory for nobody.
const SILENT = 3;
// Browsers connect again at once; HTTP/1.1 connections are let go of after 5 s.
const IDLE = 4;
// As long as `requestTimeout` gives a request of HTTP/1.1 to arrive.
const ARRIVING = 20;

interface Watched {
  readonly streams: Map<ServerHttp2Stream, { age: number }>;
  /** Ticks without a stream. */
  idle: number;
  /** Ticks without an answer to the last ping. */
  silent: number;
}

export function createSessions(): Sessions {
  const sessions = new Map<ServerHttp2Session, Watched>();

  function watch(session: ServerHttp2Session, watched: Watched): void {
    watched.silent += 1;
    if (watched.silent > SILENT) {
      session.destroy();
      return;
    }
    if (watched.silent === 1) session.ping(() => (watched.silent = 0));
    for (const [stream, life] of watched.streams) {
      life.age += 1;
      const arrived = stream.endAfterHeaders || stream.readableEnded;
      if (life.age <= ARRIVING || arrived) continue;
      if (!stream.headersSent) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      // Answered before all was there, and nobody waits for the rest (RFC 9113 section 8.1).
      else if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    }
    watched.idle = watched.streams.size > 0 ? 0 : watched.idle + 1;
    if (watched.idle >= IDLE) session.close();
  }

  return {
    tick() {
      for (const [session, watched] of sessions) {
        if (!session.destroyed) watch(session, watched);
      }
    },
    add(session) {
      const watched: Watched = { streams: new Map(), idle: 0, silent: 0 };
      sessions.set(session, watched);
      session.once("close", () => sessions.delete(session));
      session.on("stream", (stream) => {
        watched.streams.set(stream, { age: 0 });
        stream.once("close", () => watched.streams.delete(stream));
      });
    },
    leave() {
      for (const session of sessions.keys()) session.close();
    },
    destroy() {
      for (const session of sessions.keys()) session.destroy();
    },
  };
}
