import type { RedisClient } from "../log/redis/client.ts";
import type { Envelope } from "./event.ts";
import { redisStream, type RedisStreamOptions } from "./redis-stream.ts";
import type { HttpStreamSink, Sink, SinkContext } from "./sink.ts";
import { webSocket, type SocketLike } from "./web-socket.ts";

export interface HttpStreamOptions {
  /**
   * `emit` also waits until a reader on this node has taken the event: a slow client slows the agents, and without one
   * they stand still until one comes, the run is stopped or its time is over. Default false: nobody waits for readers.
   */
  readonly waitForReader?: boolean;
}

/** The sinks there are. Others are objects with the methods of `Sink`. */
export interface Sinks {
  httpStream(options?: HttpStreamOptions): HttpStreamSink;
  /** Calls a function for each event, and waits for it. */
  callback(write: (event: Envelope, context: SinkContext) => Promise<void> | void): Sink;
  redisStream(client: Pick<RedisClient, "call">, options: RedisStreamOptions): Sink;
  webSocket(socket: SocketLike | ((context: SinkContext) => SocketLike | undefined)): Sink;
}

export const sinks: Sinks = {
  httpStream: ({ waitForReader = false } = {}) => ({ kind: "http-stream", waitForReader }),
  callback: (write) => ({ kind: "callback", write }),
  redisStream,
  webSocket,
};
