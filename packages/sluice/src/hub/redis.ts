import { checkPrefix } from "../log/redis/keys.ts";
import { checkWhole } from "../base/options.ts";
import { sleep, systemClock, type Clock } from "../base/clock.ts";
import { systemRandom, type Random } from "../base/id.ts";
import { safely, silent, type Logger } from "../base/log.ts";
import { Bells } from "../log/redis/bells.ts";
import type { RedisClient, RedisSubscriber } from "../log/redis/client.ts";
import { Commands } from "../log/redis/commands.ts";
import { readerRewound } from "../log/redis/failure.ts";
import { entriesOf, type Reply } from "../log/redis/reply.ts";
import type { Script } from "../log/redis/scripts/script.ts";
import { subscriberOf } from "../log/redis/subscriber.ts";
import { newEpoch } from "./epoch.ts";
import type { Place } from "./place.ts";
import { RedisFollowing, type Page } from "./redis/following.ts";
import { topicKeys, type TopicKeys } from "./redis/keys.ts";
import { Outbox } from "./redis/outbox.ts";
import { Presence } from "./redis/presence.ts";
import { BEFORE, MEMBERS, PRESENT, PUBLISH, READ, TYPING } from "./redis/scripts.ts";
import { WINDOW_LENGTH, gap } from "./ring.ts";
import type { Follower, Following, Start, TopicStore, TopicStoreOptions } from "./store.ts";

export type { RedisClient, RedisSubscriber } from "../log/redis/client.ts";

export interface RedisTopicsOptions extends TopicStoreOptions {
  /**
   * `new Redis(url)` or `new Cluster(nodes, { shardedSubscribers: true })` of ioredis, without `keyPrefix`. It stays
   * the caller's, to be ended after the store is let go of.
   */
  readonly client: RedisClient;
  /** A connection for subscriptions only. Default: `client.duplicate()`, which the store ends; a Cluster has its own. */
  readonly subscriber?: RedisSubscriber;
  /** Before every key and channel. Default `sluice`. */
  readonly prefix?: string;
  /** The connections of a node that has not renewed for so long do not count any more. Default 30,000. */
  readonly leaseMs?: number;
  /** After so long without a message a topic that is followed is looked at. Default 5,000. */
  readonly pollMs?: number;
  /** How long a command is tried, over lost connections and fail-overs, before `log/unavailable`. Default 5,000. */
  readonly patienceMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Logger;
}

/**
 * Topics in Redis 7.0 or later, for all nodes that have it. Connections: two, on a Cluster two a node, however many
 * topics there are. Keys of a topic share a slot; `<key>` has `%`, `{` and `}` encoded:
 *
 *     sluice:{topic.<key>}:topic        hash    epoch, last, dropped, bytes
 *     sluice:{topic.<key>}:events       stream  its ids are the numbers of the events
 *     sluice:{topic.<key>}:ring         channel rings with the number of the last
 *     sluice:{topic.<key>}:nodes        zset    nodes that have connections, by the end of their lease
 *     sluice:{topic.<key>}:here         hash    connections by node and name
 *     sluice:{topic.<key>}:typing       zset    who types, by the time until which
 *     sluice:{topic.<key>}:sent:<node>  hash    the last call of a node, so that it may be sent again
 *
 * All of them go by PEXPIRE. Where Redis loses them, the topic has a new epoch, and subscribers meet `log/gap`.
 */
export function createRedisTopics(options: RedisTopicsOptions): TopicStore {
  return new RedisTopics(options);
}

const PAGE_EVENTS = 256;
const GOODBYE_MS = 1_000;

class RedisTopics implements TopicStore {
  readonly #commands: Commands;
  readonly #bells: Bells;
  readonly #own: RedisSubscriber | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #prefix: string;
  readonly #history: number;
  readonly #ttlMs: number;
  readonly #leaseMs: number;
  /** This node, as Redis knows it. */
  readonly #node: string;
  readonly #outboxes = new Map<string, Outbox>();
  readonly #presences = new Map<string, Presence>();
  readonly #timers = new Set<() => void>();
  #calls = 0;
  #drained: (() => void) | undefined;
  #isReleased = false;

  constructor(options: RedisTopicsOptions) {
    const { client, prefix = "sluice", clock = systemClock, random = systemRandom } = options;
    const log = safely(options.log ?? silent);
    checkPrefix(prefix);
    const pollMs = checkWhole("pollMs", options.pollMs ?? 5_000);
    this.#history = checkWhole("history", options.history ?? 100, { to: 10_000 });
    this.#leaseMs = checkWhole("leaseMs", options.leaseMs ?? 30_000);
    // Whoever follows a topic looks at it in time.
    this.#ttlMs = Math.max(checkWhole("ttlMs", options.ttlMs ?? 3_600_000), 4 * pollMs, 2 * this.#leaseMs);
    this.#prefix = prefix;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#node = newEpoch(random);
    this.#commands = new Commands({ client, clock, log, patienceMs: options.patienceMs ?? 5_000 });
    const { subscriber, own } = subscriberOf(client, options.subscriber, log);
    this.#own = own;
    this.#bells = new Bells({ subscriber, clock, log, pollMs });
    this.#renewLater();
  }

  publish(key: string, text: string): Promise<Place> {
    return this.#outbox(key).publish(text);
  }

  async locate(key: string, start: Start): Promise<Place> {
    if ("last" in start) {
      // In its turn: what was told before it was asked comes before the place.
      const answer = await this.#outbox(key).run(() => this.#run(BEFORE, key, [], [start.last]));
      return { epoch: answer.text(1), sequence: answer.number(2) };
    }
    const { epoch, sequence } = start.after;
    const page = await this.#read(key, sequence, 1);
    if (page.epoch !== epoch || sequence < page.dropped) throw gap();
    // Made up, or lost in a fail-over.
    if (sequence > page.last) throw readerRewound(page.last);
    return start.after;
  }

  follow(key: string, follower: Follower): Following {
    return new RedisFollowing({
      channel: this.#keys(key).ring,
      bells: this.#bells,
      read: (after) => this.#read(key, after, PAGE_EVENTS),
      begin: (load) => this.#outbox(key).run(load),
      history: this.#history,
      clock: this.#clock,
      log: this.#log,
      follower,
    });
  }

  present(key: string, who: string, connections: number): Promise<void> {
    const presence = this.#presences.get(key) ?? new Presence();
    this.#presences.set(key, presence);
    presence.set(who, connections);
    return this.#outbox(key).run(async () => {
      if (!presence.isTold) await this.#tellPresence(key, presence);
    });
  }

  async members(key: string): Promise<ReadonlyMap<string, number>> {
    const { nodes, here } = this.#keys(key);
    // In its turn: who came before it was asked is among them.
    const answer = await this.#outbox(key).run(() => this.#commands.run(MEMBERS, [nodes, here], []));
    const found = answer.texts(1);
    const members = new Map<string, number>();
    for (let index = 0; index < found.length; index += 2) {
      const who = found[index] ?? "";
      members.set(who, (members.get(who) ?? 0) + Number(found[index + 1]));
    }
    return members;
  }

  typing(key: string, who: string, ms: number): Promise<void> {
    return this.#outbox(key).run(async () => {
      await this.#setTyping(key, [ms, who]);
      if (ms > 0 && !this.#isReleased) this.#later(ms + 1, () => this.#setTyping(key, [0]));
    });
  }

  /** Waits a second at most for what is on its way, the goodbye of this node too. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const cancel of this.#timers) cancel();
    for (const [key, presence] of this.#presences) {
      presence.clear();
      this.#renew(key, presence).catch(() => {}); // then the lease ends
    }
    if (this.#outboxes.size > 0) {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve));
      const enough = new AbortController();
      await Promise.race([drained, sleep(this.#clock, GOODBYE_MS, enough.signal).catch(() => {})]);
      enough.abort();
    }
    this.#commands.release();
    this.#bells.close();
    this.#own?.disconnect();
  }

  #keys(key: string): TopicKeys {
    return topicKeys(this.#prefix, this.#node, key);
  }

  #run(script: Script, key: string, more: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    const { topic, events, ring } = this.#keys(key);
    const common = [newEpoch(this.#random), this.#ttlMs, this.#history, WINDOW_LENGTH];
    return this.#commands.run(script, [topic, events, ring, ...more], [...common, ...args]);
  }

  async #read(key: string, after: number | undefined, most: number): Promise<Page> {
    const answer = await this.#run(READ, key, [], [after ?? "", most]);
    const events = entriesOf(answer.list(4));
    return { epoch: answer.text(1), dropped: answer.number(2), last: answer.number(3), events };
  }

  #outbox(key: string): Outbox {
    let outbox = this.#outboxes.get(key);
    if (!outbox) {
      outbox = new Outbox({ publish: (texts) => this.#publish(key, texts), onEmpty: () => this.#emptied(key) });
      this.#outboxes.set(key, outbox);
    }
    return outbox;
  }

  #emptied(key: string): void {
    this.#outboxes.delete(key);
    if (this.#outboxes.size === 0) this.#drained?.();
  }

  async #publish(key: string, texts: readonly string[]): Promise<readonly Place[]> {
    this.#calls += 1;
    const { ring, sent } = this.#keys(key);
    const answer = await this.#run(PUBLISH, key, [sent], [this.#calls, ...texts]);
    const [epoch, numbers] = [answer.text(1), answer.texts(2).map(Number)];
    this.#bells.ring(ring, numbers.at(-1) ?? 0);
    return numbers.map((sequence) => ({ epoch, sequence }));
  }

  #renew(key: string, presence: Presence): Promise<void> {
    return this.#outbox(key).run(() => this.#tellPresence(key, presence));
  }

  async #tellPresence(key: string, presence: Presence): Promise<void> {
    const { nodes, here, typing } = this.#keys(key);
    await presence.tell(async (total, names) => {
      const args = [this.#node, this.#leaseMs, total, ...names.flat()];
      return (await this.#run(PRESENT, key, [nodes, here, typing], args)).number(1) === 1;
    });
    if (presence.total === 0 && this.#presences.get(key) === presence) this.#presences.delete(key);
  }

  async #setTyping(key: string, args: readonly (string | number)[]): Promise<void> {
    await this.#run(TYPING, key, [this.#keys(key).typing], args);
  }

  #renewLater(): void {
    this.#later(this.#leaseMs / 3, async () => {
      this.#renewLater();
      const renewals = [...this.#presences].map(([key, presence]) => this.#renew(key, presence));
      await Promise.all(renewals);
    });
  }

  #later(ms: number, run: () => Promise<void>): void {
    const cancel = this.#clock.timer(ms, () => {
      this.#timers.delete(cancel);
      run().catch((error: unknown) => this.#log("warn", "topic not kept up", { error }));
    });
    this.#timers.add(cancel);
  }
}
