import type { WebSocket } from "ws";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Line } from "./line.ts";

export interface Heartbeat {
  /** Something came from the client. */
  heard(): void;
  /** While nothing is read, silence says nothing. */
  deaf(is: boolean): void;
  stop(): void;
}

interface Options {
  readonly line: Line;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  readonly log: Logger;
}

const BEATS_PER_SILENCE = 2.5;

/**
 * Pings twice: with a frame that every client answers by itself, for the server to know; and with a message, because
 * a page sees no frames and has to know too.
 */
export function watchHeartbeat(socket: WebSocket, { line, clock, heartbeatMs, log }: Options): Heartbeat {
  let heardAt = clock.now();
  let isDeaf = false;
  let telling = false;
  let cancel = clock.timer(heartbeatMs, beat);
  const heard = (): void => {
    heardAt = clock.now();
  };
  socket.on("pong", heard);
  socket.on("ping", heard);

  function beat(): void {
    if (isDeaf) heard();
    if (clock.now() - heardAt >= heartbeatMs * BEATS_PER_SILENCE) {
      log("info", "conversation interrupted", { code: "reader/left", reason: "The client has fallen silent." });
      line.cut();
      return;
    }
    cancel = clock.timer(heartbeatMs, beat);
    if (telling || socket.readyState !== socket.OPEN) return;
    telling = true;
    socket.ping();
    line.send({ type: "ping" }).then(
      () => (telling = false),
      () => {},
    );
  }

  return {
    heard,
    deaf(is) {
      isDeaf = is;
      heard();
    },
    stop: () => cancel(),
  };
}
