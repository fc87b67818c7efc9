import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { lastOf, takeSlice, type Held } from "../rules.ts";
import type { LogSlice, ReadLog } from "../types.ts";
import type { RedisSubscriber } from "./client.ts";

export interface BellsOptions {
  readonly subscriber: RedisSubscriber;
  readonly clock: Clock;
  readonly log: Logger;
  /** A bell that was silent for this long rings by itself: no message of Redis is relied on. */
  readonly pollMs: number;
}

/** What those on this node share who wait for one channel. */
export class Bell {
  readonly channel: string;
  /** Rises when there may be something new. */
  version = 0;
  users = 0;
  subscribed = false;
  /** Looks at the clock since it rang last. */
  silent = 0;
  /** The highest sequence number that a ring has told. */
  #last = 0;
  /** The newest entries of an open log, as rings have brought them. */
  #recent: Recent | undefined;
  #waiting = new Set<() => void>();
  /** Answers under way that were asked for since the bell rang last: equal questions share one. */
  #answers = new Map<string, Promise<unknown>>();

  constructor(channel: string) {
    this.channel = channel;
  }

  /** The log has grown to this sequence number, by these entries if they are known. */
  ring(last: number, entries?: readonly string[]): void {
    if (last <= this.#last) return; // told already, by whoever appended on this node
    this.#last = last;
    this.#recent = entries && extend(this.#recent, last - entries.length, entries);
    this.#wake();
  }

  /** Anything may have happened to the log. */
  alarm(): void {
    this.#last = 0;
    this.#recent = undefined;
    this.#wake();
  }

  /** What comes after a place, when rings have brought it. */
  take(options: ReadLog): LogSlice | undefined {
    if (!this.#recent || options.after < this.#recent.dropped || options.after >= lastOf(this.#recent))
      return undefined;
    return takeSlice(this.#recent, options);
  }

  /** The question is what `ask` depends on. */
  share<T>(question: string, ask: () => Promise<T>): Promise<T> {
    const answers = this.#answers;
    // Only `share` fills the map, and the callers of one question ask for one type.
    let answer = answers.get(question) as Promise<T> | undefined;
    if (!answer) {
      answer = ask();
      answers.set(question, answer);
      const forget = (): void => void answers.delete(question);
      answer.then(forget, forget);
    }
    return answer;
  }

  #wake(): void {
    this.version += 1;
    this.silent = 0;
    this.#answers = new Map();
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const resolve of waiting) resolve();
  }

  /** Resolves once the version is higher than this one, or the signal fires, or the time is over. */
  async changed(
    version: number,
    signal: AbortSignal,
    atMost?: { readonly ms: number; readonly clock: Clock },
  ): Promise<void> {
    if (this.version > version || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        cancel?.();
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = atMost?.clock.timer(atMost.ms, wake);
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}

/** Entry `entries[0]` has sequence number `dropped + 1`. */
interface Recent extends Held {
  readonly entries: string[];
  /** Characters of the entries. */
  length: number;
  dropped: number;
}

// A reader that is further behind asks Redis.
const RECENT_LENGTH = 65_536;

function extend(recent: Recent | undefined, after: number, entries: readonly string[]): Recent {
  const follows = recent && lastOf(recent) === after;
  const next = follows ? recent : { id: "", entries: [], length: 0, dropped: after, fence: 0, closed: undefined };
  for (const entry of entries) {
    next.entries.push(entry);
    next.length += entry.length;
  }
  // Cut seldom, and then to half.
  if (next.length > 2 * RECENT_LENGTH) {
    let gone = 0;
    while (next.length > RECENT_LENGTH) next.length -= next.entries[gone++]?.length ?? 0;
    next.entries.splice(0, gone);
    next.dropped += gone;
  }
  return next;
}

const LOOKS = 2;

/**
 * The doorbells of a node: a channel of sharded pub/sub for each log that somebody here waits for, all of them on one
 * connection (on a Cluster one a node). Nothing depends on a message: it saves a look, and for small appends a read.
 */
export class Bells {
  readonly #options: BellsOptions;
  readonly #bells = new Map<string, Bell>();
  readonly #onMessage = (channel: unknown, message: unknown): void => this.#answer(String(channel), String(message));
  readonly #onReady = (): void => this.#resubscribe();
  #stopLooking: (() => void) | undefined;

  constructor(options: BellsOptions) {
    this.#options = options;
    options.subscriber.on("smessage", this.#onMessage);
    options.subscriber.on("ready", this.#onReady);
  }

  /** To be given back with `leave`. */
  join(channel: string): Bell {
    let bell = this.#bells.get(channel);
    if (!bell) {
      bell = new Bell(channel);
      this.#bells.set(channel, bell);
      this.#subscribe(bell);
      this.#lookLater();
    }
    bell.users += 1;
    return bell;
  }

  // The subscription is let go of at the next look: the reader may come back with the next page.
  leave(bell: Bell): void {
    bell.users -= 1;
  }

  ring(channel: string, last: number, entries?: readonly string[]): void {
    this.#bells.get(channel)?.ring(last, entries);
  }

  alarm(channel: string): void {
    this.#bells.get(channel)?.alarm();
  }

  close(): void {
    const { subscriber } = this.#options;
    this.#stopLooking?.();
    subscriber.removeListener("smessage", this.#onMessage);
    subscriber.removeListener("ready", this.#onReady);
    for (const bell of this.#bells.values()) this.#remove(bell);
  }

  // See `message` in scripts/append.ts.
  #answer(channel: string, message: string): void {
    const bell = this.#bells.get(channel);
    const last = Number.parseInt(message, 10);
    if (Number.isNaN(last)) return bell?.alarm();
    bell?.ring(last, message.includes("\n") ? message.split("\n").slice(1) : undefined);
  }

  // It rings once the subscription stands: what was appended before that rang for nobody.
  #subscribe(bell: Bell): void {
    bell.subscribed = true;
    this.#options.subscriber.ssubscribe(bell.channel).then(
      () => bell.alarm(),
      (error: unknown) => {
        bell.subscribed = false;
        this.#options.log("warn", "redis subscription failed", { channel: bell.channel, error });
      },
    );
  }

  #resubscribe(): void {
    for (const bell of this.#bells.values()) this.#subscribe(bell);
  }

  #remove(bell: Bell): void {
    this.#bells.delete(bell.channel);
    this.#options.subscriber.sunsubscribe(bell.channel).catch(() => {}); // nobody waits for it any more
  }

  #lookLater(): void {
    this.#stopLooking ??= this.#options.clock.timer(this.#options.pollMs / LOOKS, () => {
      this.#stopLooking = undefined;
      this.#look();
      if (this.#bells.size > 0) this.#lookLater();
    });
  }

  #look(): void {
    for (const bell of this.#bells.values()) {
      if (bell.users === 0) {
        this.#remove(bell);
        continue;
      }
      if (!bell.subscribed) this.#subscribe(bell);
      bell.silent += 1;
      if (bell.silent === LOOKS) bell.alarm();
    }
  }
}
