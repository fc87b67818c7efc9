import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { silent, type Logger } from "../base/log.ts";
import { Bells } from "./redis/bells.ts";
import type { RedisClient, RedisSubscriber } from "./redis/client.ts";
import { Commands } from "./redis/commands.ts";
import { findLog, type Context } from "./redis/context.ts";
import { refusal } from "./redis/failure.ts";
import { Indexes, KEPT_MS } from "./redis/indexes.ts";
import { createKeys } from "./redis/keys.ts";
import { makeLog } from "./redis/making.ts";
import { Readers } from "./redis/readers.ts";
import { readLog, tailLog, waitForStop, type Waiting } from "./redis/reading.ts";
import { parseState } from "./redis/reply.ts";
import { APPEND, CLOSE } from "./redis/scripts/append.ts";
import { DELETE, LEASE, STOP } from "./redis/scripts/create.ts";
import { notFound } from "./refusals.ts";
import type {
  AppendAt,
  Appended,
  CloseAt,
  CreateLog,
  Created,
  Lease,
  LeaseRequest,
  ListLogs,
  LogPage,
  LogSlice,
  LogState,
  LogStore,
  ReadLog,
  TailLog,
} from "./types.ts";

export type { RedisClient, RedisSubscriber } from "./redis/client.ts";

export interface RedisLogOptions {
  /**
   * `new Redis(url)` or `new Cluster(nodes, { shardedSubscribers: true })` of ioredis, without `keyPrefix`. It stays
   * the caller's, to be ended after the store is let go of.
   */
  readonly client: RedisClient;
  /** A connection for subscriptions only. Default: `client.duplicate()`, which the store ends; a Cluster has its own. */
  readonly subscriber?: RedisSubscriber;
  /** Before every key and channel. Default `sluice`. */
  readonly prefix?: string;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** How long a command is tried, over lost connections and fail-overs, before `log/unavailable`. Default 5,000. */
  readonly patienceMs?: number;
  /** How long after Redis was away no lease lapses: the length of a lease. Default 7,000. */
  readonly graceMs?: number;
  /** After so long without a message readers look by themselves. Default 1,000. */
  readonly pollMs?: number;
  /** For tests: milliseconds in place of the time of Redis, which leases and lifetimes are measured by. */
  readonly time?: () => number;
}

/**
 * Logs in Redis 7.0 or later: Redis Streams, one Lua script an operation, sharded pub/sub as doorbells. Durability is
 * what Redis has acknowledged. It must not evict (`maxmemory-policy noeviction`).
 *
 * Keys of a log share a slot; `<id>` has `%`, `{` and `}` encoded:
 *
 *     sluice:{<id>}:log        hash    owner meta ttl limits, first last bytes, fence holder leaseUntil, stop, closedAt
 *     sluice:{<id>}:entries    stream  a record holds up to 64 entries; its id is the number of the last
 *     sluice:{<id>}:bell       channel rings with the number of the last entry, or a word
 *     sluice:{<id>}:stop       channel rings when the producer is to look: a stop, the end, the deletion
 *
 * Indexes lie elsewhere. The log is the truth; they may say too much for a while, and whoever notices corrects them:
 *
 *     sluice:claim:<json>      hash    log id, token of its maker, until when only that one may make the log
 *     sluice:owner:<owner>     zset    log ids by their place in time, in microseconds
 *     sluice:{leases}:due      zset    open logs by the earliest time at which their lease may lapse
 *     sluice:{leases}:watch    hash    when a node last looked there, and how long nothing lapses
 *
 * The keys of a log and its claim go by PEXPIRE a minute after its time to live. Connections: two, on a Cluster two a
 * node.
 */
export function createRedisLog(options: RedisLogOptions): LogStore {
  return new RedisLog(options);
}

class RedisLog implements LogStore {
  readonly reach = "cluster";
  readonly #client: RedisClient;
  readonly #context: Context;
  readonly #waiting: Waiting;
  readonly #indexes: Indexes;
  /** To be ended with the store. */
  readonly #ownSubscriber: RedisSubscriber | undefined;
  readonly #onReconnect = (): void => this.#indexes.startGrace();
  #state: "open" | "watched" | "released" = "open";

  constructor(options: RedisLogOptions) {
    const { client, prefix = "sluice", clock = systemClock, log = silent, time } = options;
    if (/[{}]/.test(prefix)) throw new SluiceError("option/invalid", "`prefix` may not have braces in it.");
    this.#client = client;
    this.#context = {
      commands: new Commands({ client, clock, log, patienceMs: options.patienceMs ?? 5_000 }),
      keys: createKeys(prefix),
      clock,
      time: time ? () => String(time()) : () => "",
    };
    this.#indexes = new Indexes(this.#context, options.graceMs ?? 7_000);
    const given = options.subscriber ?? sharedSubscriber(client);
    const subscriber = given ?? duplicateOf(client);
    if (!given) {
      this.#ownSubscriber = subscriber;
      subscriber.on("error", (error) => log("warn", "redis subscriber failed", { error }));
    }
    const bells = new Bells({ subscriber, clock, log, pollMs: options.pollMs ?? 1_000 });
    this.#waiting = { bells, readers: new Readers() };
  }

  create(id: string, options: CreateLog): Promise<Created> {
    return makeLog(this.#context, this.#indexes, id, options);
  }

  async append(id: string, entries: readonly string[], at: AppendAt): Promise<Appended> {
    if (entries.length === 0) throw new SluiceError("option/invalid", "An append needs at least one entry.");
    const { commands, keys, time } = this.#context;
    const bell = keys.bell(id);
    const texts = [...entries];
    const args = [time(), at.expected, at.fence, ...texts];
    const answer = await commands.run(APPEND, [keys.log(id), keys.entries(id), bell], args);
    if (answer.status !== "ok" && answer.status !== "repeated") throw refusal(id, answer, at);
    const last = answer.number(1);
    // Readers of a short log are told that there is more, not what: they are to meet its gaps.
    if (answer.status === "ok") this.#waiting.bells.ring(bell, last, answer.number(2) === 1 ? undefined : texts);
    return { last };
  }

  async close(id: string, entries: readonly string[], at: CloseAt): Promise<Appended> {
    if (entries.length === 0) throw new SluiceError("option/invalid", "An append needs at least one entry.");
    const { commands, keys, time } = this.#context;
    const summary = at.summary ? JSON.stringify(at.summary) : "";
    const names = [keys.log(id), keys.entries(id), keys.bell(id), keys.stop(id)];
    const answer = await commands.run(CLOSE, names, [time(), at.expected, at.fence, summary, KEPT_MS, ...entries]);
    if (answer.status !== "ok" && answer.status !== "repeated") throw refusal(id, answer, at);
    const last = answer.number(1);
    this.#waiting.bells.alarm(keys.bell(id));
    void this.#indexes.closed(id, answer.text(2), answer.maybe(4), answer.number(3));
    return { last };
  }

  read(id: string, options: ReadLog): Promise<LogSlice> {
    return readLog(this.#context, id, options);
  }

  tail(id: string, options: TailLog): AsyncIterable<LogSlice> {
    return tailLog(this.#context, this.#waiting, id, options);
  }

  async state(id: string): Promise<LogState | undefined> {
    return (await findLog(this.#context, id))?.state;
  }

  async find(owner: string, key: string): Promise<LogState | undefined> {
    const { commands, keys } = this.#context;
    const id = await commands.call("hget", keys.claim(owner, key), "id");
    const state = typeof id === "string" ? await this.state(id) : undefined;
    return state?.owner === owner && state.claim?.key === key ? state : undefined;
  }

  list(options: ListLogs): Promise<LogPage> {
    return this.#indexes.list(options);
  }

  async requestStop(id: string): Promise<LogState> {
    const { commands, keys, time } = this.#context;
    const answer = await commands.run(STOP, [keys.log(id), keys.stop(id)], [time()]);
    if (answer.status !== "ok") throw notFound(id);
    return parseState(id, answer.list(1)).state;
  }

  stopRequested(id: string, signal: AbortSignal): Promise<void> {
    return waitForStop(this.#context, this.#waiting, id, signal);
  }

  async lease(id: string, request: LeaseRequest): Promise<Lease> {
    const { commands, keys, time } = this.#context;
    const answer = await commands.run(
      LEASE,
      [keys.log(id)],
      [time(), request.holder, request.ttlMs, request.fence ?? ""],
    );
    if (answer.status !== "ok") throw refusal(id, answer);
    const lease = { fence: answer.number(1), expiresAt: answer.number(2) };
    await this.#indexes.leased(id, lease.expiresAt);
    return lease;
  }

  async lapsed(limit: number): Promise<readonly string[]> {
    const ids = await this.#indexes.lapsed(limit);
    // Only now: the connection that is made first is no reconnection.
    if (this.#state === "open") {
      this.#state = "watched";
      for (const event of RECONNECTS) this.#client.on(event, this.#onReconnect);
    }
    return ids;
  }

  async delete(id: string): Promise<boolean> {
    const { commands, keys, time } = this.#context;
    const names = [keys.log(id), keys.entries(id), keys.bell(id), keys.stop(id)];
    const answer = await commands.run(DELETE, names, [time()]);
    if (answer.status !== "ok") return false;
    this.#waiting.bells.alarm(keys.bell(id));
    this.#waiting.bells.alarm(keys.stop(id));
    await this.#indexes.deleted(id, answer.text(1), answer.maybe(2));
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "released") return;
    this.#state = "released";
    this.#context.commands.release();
    this.#waiting.readers.release();
    for (const event of RECONNECTS) this.#client.removeListener(event, this.#onReconnect);
    this.#waiting.bells.close();
    this.#ownSubscriber?.disconnect();
  }
}

// `ready`: a connection stands again. The others are of a Cluster, whose nodes come and go under one client.
const RECONNECTS = ["ready", "+node", "node error"] as const;

function sharedSubscriber(client: RedisClient): RedisSubscriber | undefined {
  return client.isCluster === true && isSubscriber(client) ? client : undefined;
}

function isSubscriber(client: RedisClient): client is RedisClient & RedisSubscriber {
  return "ssubscribe" in client && "sunsubscribe" in client;
}

function duplicateOf(client: RedisClient): RedisSubscriber {
  const copy = client.duplicate?.();
  if (copy) return copy;
  throw new SluiceError("option/invalid", "A client that cannot be duplicated needs a `subscriber` beside it.");
}
