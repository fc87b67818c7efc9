import { checkEntries } from "./rules.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { silent, type Logger } from "../base/log.ts";
import { Bells } from "./redis/bells.ts";
import type { RedisClient, RedisSubscriber } from "./redis/client.ts";
import { Commands } from "./redis/commands.ts";
import { findLog, type Context } from "./redis/context.ts";
import { refusal } from "./redis/failure.ts";
import { Grace } from "./redis/grace.ts";
import { Indexes } from "./redis/indexes.ts";
import { KeptTails } from "./redis/kept.ts";
import { checkPrefix, createKeys } from "./redis/keys.ts";
import { makeLog } from "./redis/making.ts";
import { Producing } from "./redis/producing.ts";
import { Readers } from "./redis/readers.ts";
import { readLog, tailLog, waitForStop, type Waiting } from "./redis/reading.ts";
import { parseState } from "./redis/reply.ts";
import { DELETE, LEASE, STOP } from "./redis/scripts/create.ts";
import { subscriberOf } from "./redis/subscriber.ts";
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
  /**
   * How long after Redis was away no lease lapses, and a reader that has more than the log waits for the rest of it:
   * the length of a lease. Default 7,000.
   */
  readonly graceMs?: number;
  /**
   * How long what was appended here is kept, to be appended again where a fail-over has lost it. Times at which Redis
   * does not answer do not count. Of one log at most 1 Mi characters are kept, of all 64 Mi. Default 10,000.
   */
  readonly keepMs?: number;
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
 *     sluice:{<id>}:log        hash    owner meta ttl limits, first last bytes, fence holder leaseUntil, stop, closedAt,
 *                                      server rewound
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
 * A fail-over may lose what was acknowledged. The node that appended puts it back (redis/producing.ts). Where it cannot,
 * or is gone itself, `rewound` is the last number that is left: only the terminal follows, and to a reader of a later
 * number the log is `log/rewound`.
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
  readonly #producing: Producing;
  /** To be ended with the store. */
  readonly #ownSubscriber: RedisSubscriber | undefined;
  readonly #onReconnect = (): void => {
    // Before the first answer it is the connection that is made first.
    if (!this.#context.commands.hasAnswered) return;
    this.#context.grace.start();
    this.#producing.verify();
  };
  #isReleased = false;

  constructor(options: RedisLogOptions) {
    const { client, prefix = "sluice", clock = systemClock, log = silent, time } = options;
    checkPrefix(prefix);
    this.#client = client;
    const commands = new Commands({ client, clock, log, patienceMs: options.patienceMs ?? 5_000 });
    const grace = new Grace(clock, options.graceMs ?? 7_000);
    const now = time ? () => String(time()) : () => "";
    this.#context = { commands, keys: createKeys(prefix), clock, log, grace, time: now };
    this.#indexes = new Indexes(this.#context, client.isCluster === true);
    const { subscriber, own } = subscriberOf(client, options.subscriber, log);
    this.#ownSubscriber = own;
    const bells = new Bells({ subscriber, clock, log, pollMs: options.pollMs ?? 1_000 });
    this.#waiting = { bells, readers: new Readers() };
    const isCalm = (): boolean => commands.waitingMs < CALM_MS && grace.leftMs === 0;
    const kept = new KeptTails({ clock, keepMs: options.keepMs ?? 10_000, isCalm });
    this.#producing = new Producing(this.#context, bells, kept);
    for (const event of RECONNECTS) client.on(event, this.#onReconnect);
  }

  create(id: string, options: CreateLog): Promise<Created> {
    return makeLog(this.#context, this.#indexes, id, options);
  }

  async append(id: string, entries: readonly string[], at: AppendAt): Promise<Appended> {
    checkEntries(entries);
    const texts = [...entries];
    const answer = await this.#producing.append(id, texts, at);
    const last = at.expected + texts.length;
    // Readers of a short log are told that there is more, not what: they are to meet its gaps.
    const told = answer.number(3) === 1 ? undefined : texts;
    if (answer.status === "ok") this.#waiting.bells.ring(this.#context.keys.bell(id), last, told);
    return { last };
  }

  async close(id: string, entries: readonly string[], at: CloseAt): Promise<Appended> {
    checkEntries(entries);
    const answer = await this.#producing.close(id, [...entries], at);
    this.#waiting.bells.alarm(this.#context.keys.bell(id));
    void this.#indexes.justClosed(id, answer.text(3), answer.maybe(5), answer.number(4));
    return { last: answer.number(1) };
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

  lapsed(limit: number): Promise<readonly string[]> {
    return this.#indexes.lapsed(limit);
  }

  async delete(id: string): Promise<boolean> {
    const { commands, keys, time } = this.#context;
    const names = [keys.log(id), keys.entries(id), keys.bell(id), keys.stop(id)];
    const answer = await commands.run(DELETE, names, [time()]);
    this.#producing.forget(id);
    if (answer.status !== "ok") return false;
    this.#waiting.bells.alarm(keys.bell(id));
    this.#waiting.bells.alarm(keys.stop(id));
    await this.#indexes.deleted(id, answer.text(1), answer.maybe(2));
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#context.commands.release();
    this.#producing.release();
    this.#waiting.readers.release();
    for (const event of RECONNECTS) this.#client.removeListener(event, this.#onReconnect);
    this.#waiting.bells.close();
    this.#ownSubscriber?.disconnect();
  }
}

// `ready`: a connection stands again. The others are of a Cluster, whose nodes come and go under one client.
const RECONNECTS = ["ready", "+node", "node error"] as const;

/** While a command waits for longer, Redis is away: what is kept for it does not grow older. */
const CALM_MS = 1_000;
