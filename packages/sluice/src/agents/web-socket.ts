import type { Sink, SinkContext } from "./sink.ts";

/** What the sink asks of a socket: those of the package `ws` fit. */
export interface SocketLike {
  /** 1: open. */
  readonly readyState: number;
  /** Calls back when the socket has taken it, or why it has not. */
  send(text: string, taken: (error?: Error | null) => void): void;
}

const OPEN = 1;

/**
 * Sends each event as a message of JSON, the next one when the socket has taken the last: a slow socket fills the
 * channel, and then `emit` waits. A socket that is not open gets nothing and stops nothing: leaving is not stopping.
 * @param socket one for all runs, or what finds that of a run
 */
export function webSocket(socket: SocketLike | ((context: SinkContext) => SocketLike | undefined)): Sink {
  return {
    kind: "web-socket",
    write(event, context) {
      const to = typeof socket === "function" ? socket(context) : socket;
      return to?.readyState === OPEN ? send(to, JSON.stringify(event)) : undefined;
    },
  };
}

function send(socket: SocketLike, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(text, (error) => {
      if (error && socket.readyState === OPEN) reject(error);
      else resolve();
    });
  });
}
