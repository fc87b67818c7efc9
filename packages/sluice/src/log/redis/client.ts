/**
 * What the store asks of a Redis client. `Redis` and `Cluster` of ioredis fit as they are, and the tests are run with
 * them. node-redis does not fit; of its single clients (no Cluster) these two, tried with version 6.1, are made so, and
 * given as `client` and `subscriber`:
 *
 *     const commands = createClient({ url });
 *     const bells = commands.duplicate();
 *     for (const one of [commands, bells]) await one.on("error", logIt).connect();
 *     const heard = new Set();
 *     const hear = (message, channel) => heard.forEach((listener) => listener(channel, message));
 *     const client = {
 *       call: (command, args) => commands.sendCommand([command, ...args]),
 *       on: (event, listener) => commands.on(event, listener),
 *       removeListener: (event, listener) => commands.off(event, listener),
 *     };
 *     const subscriber = {
 *       ssubscribe: (channel) => bells.sSubscribe(channel, hear),
 *       sunsubscribe: (channel) => bells.sUnsubscribe(channel),
 *       on: (event, listener) => (event === "smessage" ? heard.add(listener) : bells.on(event, listener)),
 *       removeListener: (event, listener) =>
 *         event === "smessage" ? heard.delete(listener) : bells.off(event, listener),
 *       disconnect: () => bells.destroy(),
 *     };
 */
export interface RedisClient {
  /** Sends one command. On a Cluster it goes to the node of its first key; `evalsha` and `eval` name that third. */
  call(command: string, args: string[]): Promise<unknown>;
  /** `ready` after each connect; on a Cluster also `+node` and `node error`. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
  /** With true: connects anew. Asked for when the server says that it is no master any more. */
  disconnect?(reconnect?: boolean): void;
  /** Another connection like this one. */
  duplicate?(): RedisSubscriber;
  /** Where it is true, the client itself is the subscriber: it brings subscriptions to the nodes of the Cluster. */
  readonly isCluster?: boolean;
}

/** A connection for sharded pub/sub only. It keeps reconnecting; the store subscribes again by itself. */
export interface RedisSubscriber {
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
  /** `smessage` with channel and message, `ready` after each connect, `error`. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
  disconnect(): void;
}
