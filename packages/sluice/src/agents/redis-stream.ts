import { wrongOption } from "../base/options.ts";
import type { RedisClient } from "../log/redis/client.ts";
import type { Envelope } from "./event.ts";
import type { Sink } from "./sink.ts";

export interface RedisStreamOptions {
  /** The stream's key, or what makes it of an event: one for each run, say. */
  readonly key: string | ((event: Envelope) => string);
  /** About how many entries the stream keeps. Default: all. */
  readonly maxLen?: number;
}

/**
 * Adds each event to a Redis stream (`XADD`), with the fields `name`, `runId`, `channel` and `event`, which is the whole
 * as JSON. A stream is not a run's log: nothing is resumed from it.
 * @param client of ioredis, or made so as `sluice/log/redis` shows
 */
export function redisStream(client: Pick<RedisClient, "call">, { key, maxLen }: RedisStreamOptions): Sink {
  if (maxLen !== undefined && !(Number.isSafeInteger(maxLen) && maxLen > 0)) {
    throw wrongOption("maxLen", "maxLen is a whole number from 1 on.");
  }
  const trim = maxLen === undefined ? [] : ["MAXLEN", "~", String(maxLen)];
  return {
    kind: "redis-stream",
    async write(event, { channel }) {
      const { name, meta } = event;
      const fields = ["name", name, "runId", meta.runId, "channel", channel, "event", JSON.stringify(event)];
      await client.call("XADD", [typeof key === "string" ? key : key(event), ...trim, "*", ...fields]);
    },
  };
}
