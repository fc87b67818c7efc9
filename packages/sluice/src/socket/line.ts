import type { WebSocket } from "ws";
import { SluiceError } from "../base/errors.ts";
import type { DownMessage } from "../client/socket-messages.ts";
import type { Settings } from "./settings.ts";

/** The sending side of a connection. It holds one message of each who sends, because each waits for its own. */
export interface Line {
  /** Resolves when the system has taken it. @throws SluiceError `reader/left` when the client is gone */
  send(message: DownMessage | Uint8Array): Promise<void>;
  /** Says good-bye; a client that does not answer is cut off after 2 s. */
  close(status: number, reason: string): void;
  /** Ends it at once. */
  cut(): void;
}

const CLOSING_MS = 2_000;
const OPEN = 1;

export function createLine(socket: WebSocket, settings: Pick<Settings, "clock" | "stallMs" | "log">): Line {
  const { clock, stallMs, log } = settings;
  let unsent = 0;
  let stopWatching = (): void => {};
  let stopClosing: (() => void) | undefined;

  socket.once("close", () => {
    stopWatching();
    stopClosing?.();
  });

  function watch(): void {
    stopWatching();
    if (unsent === 0) return;
    stopWatching = clock.timer(stallMs, () => {
      log("info", "conversation interrupted", { code: "reader/stalled", buffered: socket.bufferedAmount });
      socket.terminate();
    });
  }

  return {
    send(message) {
      return new Promise((resolve, reject) => {
        if (socket.readyState !== OPEN) {
          reject(hasLeft());
          return;
        }
        unsent += 1;
        if (unsent === 1) watch();
        socket.send(message instanceof Uint8Array ? message : JSON.stringify(message), (error) => {
          unsent -= 1;
          watch();
          if (error) reject(hasLeft(error));
          else resolve();
        });
      });
    },
    close(status, reason) {
      socket.close(status, reason);
      stopClosing ??= clock.timer(CLOSING_MS, () => socket.terminate());
    },
    cut: () => socket.terminate(),
  };
}

export function hasLeft(cause?: unknown): SluiceError {
  return new SluiceError("reader/left", "The client does not wait for the answer any more.", { cause });
}
