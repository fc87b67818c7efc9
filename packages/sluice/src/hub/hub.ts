import { checkWhole, wrongOption } from "../base/options.ts";
import { SluiceError, publicError } from "../base/errors.ts";
import { safely, silent, type Logger } from "../base/log.ts";
import { Channel, type Send, type Subscription } from "./channel.ts";
import { checkName } from "./check.ts";
import { packEvent, type TopicEvent } from "./event.ts";
import { createMemoryTopics } from "./memory.ts";
import { formatPlace, parsePlace } from "./place.ts";
import type { TopicStore } from "./store.ts";

export interface HubOptions {
  /**
   * Where topics are kept. Default: this process's memory, with the last 100 events of each. `createRedisTopics` of
   * `sluice/hub/redis` shares them with other nodes. The hub lets go of it.
   */
  readonly store?: TopicStore;
  /** Bytes of an event's name and data, as they are sent. Default 65,536. */
  readonly maxEventBytes?: number;
  /** Who types and says nothing more of it has stopped after so long. Default 5,000. */
  readonly typingMs?: number;
  readonly log?: Logger;
}

/** Where a subscriber begins. Without anything: with what comes from now on. */
export interface StartOptions {
  /** The id of the last event that it has. Beats `last`. */
  readonly after?: string | undefined;
  /** Begins with so many of the newest events, or as many as are kept. Default 0. */
  readonly last?: number | undefined;
}

export interface OpenOptions {
  /** What `locate` said. */
  readonly from: string;
  /** By which others see it (`presence`). Default: it is counted, and has no name. */
  readonly who?: string | undefined;
  /** Called in a later turn of the event loop, when there may be something to take. What it throws is logged. */
  readonly wake: () => void;
}

export interface SubscribeOptions extends StartOptions, Pick<OpenOptions, "who"> {
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/**
 * Topics: what is told to a key reaches everybody who is connected to it. Its functions can be taken apart.
 *
 * A topic has a short log. Subscribers read it at their own pace, so a slow one costs nobody anything; one that falls out
 * of what is kept fails with `log/gap`. Functions that return a promise may be called without waiting: they are done
 * in the order of the calls, and what fails is logged.
 */
export interface Hub {
  /**
   * From now on `send` is called for each event. Unregistered by itself when it throws (a full queue, say), when a
   * promise that it returns fails, or, from `createSSEStream`, when its stream is over in any way.
   */
  registerConnection(key: string, send: Send): void;
  unregisterConnection(key: string, send: Send): void;
  /**
   * Tells everybody, on all nodes. Resolves with the event's id once it is kept.
   * @throws SluiceError `sse/invalid-field`, `sse/invalid-data`, `sse/event-too-large`, `option/invalid`, at once.
   * Rejects with `hub/queue-full` when events come faster than the store takes them, `log/unavailable`, `log/released`;
   * what becomes of one subscriber is never an error of this
   */
  broadcast(key: string, event: string, data?: unknown): Promise<string>;
  /** Connections and subscribers of this node. */
  getConnectionCount(key: string): number;
  /** Keys that have any on this node. */
  getConnectionKeys(): string[];
  /** Connections and subscribers of all nodes. Those of a node that was killed count for half a minute more. */
  countConnections(key: string): Promise<number>;
  /** The names of those who are subscribed, on all nodes, in order. A change is an event `presence {joined | left}`. */
  presence(key: string): Promise<readonly string[]>;
  /** An event `typing {isTyping, who}` when it changes. To be said again before `typingMs` are over. */
  typing(key: string, who: string, isTyping?: boolean): Promise<void>;
  /** An event `progress`. @throws SluiceError `option/invalid` for a percentage that is none */
  progress(key: string, progress: Progress): Promise<string>;
  /**
   * Events as they come, until the signal fires. Ending the loop unsubscribes, at once.
   * @throws SluiceError `log/gap` (410: begin anew), `offset/malformed`, `offset/beyond-end`, `log/unavailable`,
   * `hub/queue-full` as `broadcast`
   */
  subscribe(key: string, options?: SubscribeOptions): AsyncGenerator<TopicEvent>;
  /** Where a subscriber is to begin, to be opened at once. @throws as `subscribe` */
  locate(key: string, start?: StartOptions): Promise<string>;
  /** A subscription without a promise for each event: what HTTP delivery pulls from. */
  open(key: string, options: OpenOptions): Subscription;
  /** Ends all subscriptions with `log/released`, and lets go of the store. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** @property percent from 0 to 100 */
export interface Progress {
  readonly percent: number;
  readonly [more: string]: unknown;
}

export function createHub(options: HubOptions = {}): Hub {
  const { store = createMemoryTopics() } = options;
  const log = safely(options.log ?? silent);
  const maxEventBytes = checkWhole("maxEventBytes", options.maxEventBytes ?? 65_536);
  const typingMs = checkWhole("typingMs", options.typingMs ?? 5_000);
  const channels = new Map<string, Channel>();
  let waking: Set<Channel> | undefined;
  let released = false;

  function channelOf(key: string): Channel {
    if (released) throw gone();
    let channel = channels.get(checkName("key", key));
    if (!channel) {
      channel = new Channel({ key, store, log, wakeSoon, onEmpty: () => channels.delete(key) });
      channels.set(key, channel);
    }
    return channel;
  }

  // What is told in one turn of the event loop is read in one go.
  function wakeSoon(channel: Channel): void {
    if (!waking) {
      setImmediate(() => {
        const woken = waking ?? [];
        waking = undefined;
        for (const one of woken) one.wake();
      });
    }
    waking ??= new Set();
    waking.add(channel);
  }

  /** Nobody has to wait for it. */
  function noted<T>(key: string, promise: Promise<T>): Promise<T> {
    promise.catch((error: unknown) =>
      log("warn", "topic not told", { topic: key, code: publicError(error).code, error }),
    );
    return promise;
  }

  function broadcast(key: string, event: string, data?: unknown): Promise<string> {
    const text = packEvent(event, data, maxEventBytes);
    checkName("key", key);
    return noted(key, released ? Promise.reject(gone()) : store.publish(key, text).then(formatPlace));
  }

  async function locate(key: string, { after, last = 0 }: StartOptions = {}): Promise<string> {
    checkName("key", key);
    if (released) throw gone();
    if (!Number.isSafeInteger(last) || last < 0) throw wrongOption("last", "last must be a whole number from 0.");
    return formatPlace(await store.locate(key, after === undefined ? { last } : { after: parsePlace(after) }));
  }

  function open(key: string, { from, who, wake }: OpenOptions): Subscription {
    const name = who === undefined ? "" : checkName("who", who);
    return channelOf(key).subscribe({ from: parsePlace(from), who: name, wake });
  }

  async function* eventsOf(
    key: string,
    { who, signal, ...start }: SubscribeOptions,
    reader: Reader,
  ): AsyncGenerator<TopicEvent> {
    const from = await locate(key, start);
    if (reader.left) return;
    const onWake = (): void => reader.wake();
    const subscription = open(key, { from, who, wake: onWake });
    signal?.addEventListener("abort", onWake, { once: true });
    try {
      while (signal?.aborted !== true && !reader.left) {
        const event = subscription.take();
        if (event) yield event;
        else await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    } finally {
      signal?.removeEventListener("abort", onWake);
      subscription.close();
    }
  }

  return {
    registerConnection(key, send) {
      if (send.ended?.aborted !== true) channelOf(key).register(send);
    },
    unregisterConnection: (key, send) => channels.get(key)?.unregister(send),
    broadcast,
    getConnectionCount: (key) => channels.get(key)?.size ?? 0,
    getConnectionKeys: () => [...channels.keys()],
    async countConnections(key) {
      let count = 0;
      for (const connections of (await store.members(checkName("key", key))).values()) count += connections;
      return count;
    },
    async presence(key) {
      const names = [...(await store.members(checkName("key", key))).keys()];
      return names.filter((name) => name !== "").sort();
    },
    typing(key, who, isTyping = true) {
      checkName("key", key);
      checkName("who", who);
      return noted(key, released ? Promise.reject(gone()) : store.typing(key, who, isTyping ? typingMs : 0));
    },
    progress(key, progress) {
      const { percent } = progress;
      if (!(percent >= 0 && percent <= 100)) throw wrongOption("percent", "percent must be a number from 0 to 100.");
      return broadcast(key, "progress", progress);
    },
    subscribe(key, options = {}) {
      const reader: Reader = { left: false, wake() {} };
      const events = eventsOf(key, options, reader);
      // Alone it would let `return` wait behind a `next`, and so for an event that may never come.
      const end = events.return.bind(events);
      return Object.assign(events, {
        return(value?: unknown) {
          reader.left = true;
          reader.wake();
          return end(value);
        },
      });
    },
    locate,
    open,
    async [Symbol.asyncDispose]() {
      if (released) return;
      released = true;
      for (const channel of channels.values()) channel.release();
      channels.clear();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** Who iterates over a topic. */
interface Reader {
  left: boolean;
  /** Ends the wait for an event. */
  wake(): void;
}

function gone(): SluiceError {
  return new SluiceError("log/released", "The hub has been let go of.");
}
