import { checkPrefix } from "../log/redis/keys.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { silent, type Logger } from "../base/log.ts";
import type { RedisClient } from "../log/redis/client.ts";
import { Commands } from "../log/redis/commands.ts";
import type { CallbackStore } from "./callback-store.ts";
import { ISSUE, RELEASE, SETTLE, TAKE } from "./redis-scripts.ts";

export type { RedisClient } from "../log/redis/client.ts";

export interface RedisCallbacksOptions {
  /** `Redis` or `Cluster` of ioredis, or anything of that shape. */
  readonly client: RedisClient;
  /** Before the names of all keys. Default `sluice`. */
  readonly prefix?: string;
  /** How long a command is tried while Redis is away. Default 5,000. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** For tests: milliseconds in place of the time of Redis, which lifetimes and locks are measured by. */
  readonly time?: () => number;
}

/**
 * Action tokens in Redis 7.0 or later, for all nodes that share it: one hash a token, `sluice:callback:{<token>}`, and one
 * Lua script an operation. The keys go by PEXPIRE.
 */
export function createRedisCallbacks(options: RedisCallbacksOptions): CallbackStore {
  const { client, prefix = "sluice", clock = systemClock, log = silent, patienceMs = 5_000 } = options;
  checkPrefix(prefix);
  const commands = new Commands({ client, clock, log, patienceMs });
  const time = (): string => (options.time ? String(options.time()) : "");
  // Tokens come from callers too, who may write anything. Braces would end the hash tag.
  const key = (token: string): string => `${prefix}:callback:{${token.replace(/[%{}]/g, encodeURIComponent)}}`;

  return {
    async issue(token, { owner, action, ttlMs }) {
      await commands.run(ISSUE, [key(token)], [time(), owner, action, ttlMs]);
    },
    async take(token, { owner, holder, lockMs }) {
      const reply = await commands.run(TAKE, [key(token)], [time(), owner, holder, lockMs]);
      switch (reply.status) {
        case "locked":
          return { kind: "locked", ms: reply.number(1) };
        case "settled":
          return { kind: "settled", outcome: reply.text(1) };
        case "taken":
          return { kind: "taken", action: reply.text(1), attempt: reply.number(2) };
        default:
          return { kind: "missing" };
      }
    },
    async settle(token, { holder, outcome, keepMs }) {
      const reply = await commands.run(SETTLE, [key(token)], [time(), holder, outcome, keepMs]);
      return reply.status === "ok";
    },
    async release(token, holder, { untried = false } = {}) {
      await commands.run(RELEASE, [key(token)], [time(), holder, untried ? -1 : 0]);
    },
  };
}
