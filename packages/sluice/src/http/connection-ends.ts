import type { Socket } from "node:net";

interface Waiting {
  readonly leaves: Set<() => void>;
  readonly tell: () => void;
}

/**
 * Tells those whose answers wait behind another one on their connection of HTTP/1.1 that it has ended. One listener for
 * all of them: a client may ask for hundreds of answers before it reads the first.
 */
export class ConnectionEnds {
  readonly #connections = new WeakMap<Socket, Waiting>();

  add(socket: Socket, leave: () => void): void {
    let waiting = this.#connections.get(socket);
    if (!waiting) {
      const leaves = new Set<() => void>();
      waiting = { leaves, tell: () => leaves.forEach((one) => one()) };
      this.#connections.set(socket, waiting);
      socket.on("close", waiting.tell);
    }
    waiting.leaves.add(leave);
  }

  /** Also of one that was never added. */
  remove(socket: Socket, leave: () => void): void {
    const waiting = this.#connections.get(socket);
    if (!waiting?.leaves.delete(leave) || waiting.leaves.size > 0) return;
    socket.removeListener("close", waiting.tell);
    this.#connections.delete(socket);
  }
}
