import { randomBytes } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Cluster, Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes, type RateLimiterAbstract } from "rate-limiter-flexible";
import { SluiceError } from "sluice/errors";
import type { Admit, Logger, NodeResponse } from "sluice/http";
import type { Config } from "./config.ts";
import { countStreams, leaseStreams, type OwnerStreams } from "./owner-streams.ts";
import { createAskRedis, type AskRedis } from "./redis-away.ts";
import { connectRedis } from "./store.ts";

/** How much the gateway takes on. 0: no limit. */
export interface LimitsConfig {
  /** Of this node. */
  readonly maxConnections: number;
  readonly maxRuns: number;
  readonly maxReaders: number;
  readonly maxReadersPerRun: number;
  /** Of one owner on all nodes that share a Redis. */
  readonly ownerStreams: number;
  readonly ownerStartsPerMinute: number;
  readonly ownerTellingsPerMinute: number;
  /** Of one client address, on all nodes that share a Redis. */
  readonly failedLoginsPerMinute: number;
}

export interface Limits {
  /** @throws SluiceError `request/rate-limited`, `request/too-many-streams` */
  readonly admit: Admit;
  /** Before somebody tells a topic something. @throws SluiceError `request/rate-limited` */
  tell(owner: string): Promise<void>;
  /**
   * Before a key is looked at; an answer that is not 401 does not count.
   * @param address of the socket: what forwarding headers say, anybody can say
   * @throws SluiceError `request/rate-limited`
   */
  login(address: string | undefined, res: NodeResponse): Promise<void>;
  /** Waits for Redis a second at most. */
  close(): Promise<void>;
}

const PREFIX = "sluice";
const STREAMS_LEASE_MS = 30_000;
// Somebody may end a stream at any time, and nobody knows when.
const STREAM_RETRY_MS = 5_000;

/**
 * Counted in Redis where the store is one, else in this process's memory. While Redis is away each node counts for
 * itself: answers do not stop for want of a limit.
 */
export async function createLimits({ store, limits }: Pick<Config, "store" | "limits">, log: Logger): Promise<Limits> {
  const shared = store.kind !== "memory" && store.kind !== "disk" && counts(limits);
  const redis = shared ? { client: await connectRedis(store, "impatient"), ask: createAskRedis(log) } : undefined;
  // The failure of a command says what there is to say.
  redis?.client.on("error", () => {});
  if (redis) await ready(redis.client);
  const starts = createCounter("starts", limits.ownerStartsPerMinute, redis);
  const tellings = createCounter("tellings", limits.ownerTellingsPerMinute, redis);
  const logins = createCounter("logins", limits.failedLoginsPerMinute, redis);
  const streams = createStreams(limits.ownerStreams, redis);

  return {
    async admit(owner, action) {
      const retryAfterMs = action === "start" ? await starts?.take(owner) : undefined;
      if (retryAfterMs !== undefined) throw rateLimited("There were too many questions.", retryAfterMs);
      const giveBack = await streams?.take(owner);
      if (streams && !giveBack) throw tooManyStreams();
      return giveBack;
    },
    async tell(owner) {
      const retryAfterMs = await tellings?.take(owner);
      if (retryAfterMs !== undefined) throw rateLimited("Topics were told too much.", retryAfterMs);
    },
    async login(address, res) {
      if (!logins || address === undefined) return;
      const key = networkOf(address);
      const retryAfterMs = await logins.take(key);
      if (retryAfterMs !== undefined) throw rateLimited("Too many logins have failed.", retryAfterMs);
      res.once("close", () => {
        if (res.headersSent && res.statusCode !== 401) logins.giveBack(key);
      });
    },
    async close() {
      await streams?.close();
      redis?.client.disconnect();
    },
  };
}

function counts(limits: LimitsConfig): boolean {
  const { ownerStreams, ownerStartsPerMinute, ownerTellingsPerMinute, failedLoginsPerMinute } = limits;
  return ownerStreams + ownerStartsPerMinute + ownerTellingsPerMinute + failedLoginsPerMinute > 0;
}

interface Shared {
  readonly client: Redis | Cluster;
  readonly ask: AskRedis;
}

interface Counter {
  /** undefined when there was one left in this minute, else the milliseconds until there is. */
  take(key: string): Promise<number | undefined>;
  giveBack(key: string): void;
}

function createCounter(name: string, points: number, redis: Shared | undefined): Counter | undefined {
  if (points === 0) return undefined;
  const options = { points, duration: 60, keyPrefix: `${PREFIX}:limit:${name}` };
  const alone = new RateLimiterMemory(options);
  if (!redis) {
    return {
      take: (key) => consume(alone, key),
      giveBack: (key) => void alone.reward(key),
    };
  }
  const everywhere = new RateLimiterRedis({ ...options, storeClient: redis.client, rejectIfRedisNotReady: true });
  return {
    async take(key) {
      const answer = await redis.ask(async () => ({ wait: await consume(everywhere, key) }));
      return answer ? answer.wait : consume(alone, key);
    },
    giveBack: (key) => void redis.ask(() => everywhere.reward(key)),
  };
}

async function consume(limiter: RateLimiterAbstract, key: string): Promise<number | undefined> {
  try {
    await limiter.consume(key);
    return undefined;
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return Math.max(1, refusal.msBeforeNext);
    throw refusal;
  }
}

function createStreams(limit: number, redis: Shared | undefined): OwnerStreams | undefined {
  if (limit === 0) return undefined;
  if (!redis) return countStreams(limit);
  const node = randomBytes(16).toString("hex");
  return leaseStreams({ ...redis, limit, node, prefix: PREFIX, leaseMs: STREAMS_LEASE_MS });
}

const READY_MS = 2_000;

// The first questions are to be counted too; a Redis that is not there holds nobody up.
function ready(client: Redis | Cluster): Promise<void> {
  if (client.status === "ready") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, READY_MS);
    client.once("ready", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** An IPv6 host has a network of 64 bits to itself, and may take another address for every guess. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%")[0] ?? "").toLowerCase().split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  // Loopback and the like are addresses of this machine, not a network.
  return network.every((group) => group === "0") ? address : `${network.join(":")}::/64`;
}

function tooManyStreams(): SluiceError {
  return new SluiceError("request/too-many-streams", "You have as many streams open as you can have. Close one.", {
    details: { retryAfterMs: STREAM_RETRY_MS },
  });
}

function rateLimited(message: string, retryAfterMs: number): SluiceError {
  return new SluiceError("request/rate-limited", message, { details: { retryAfterMs } });
}
