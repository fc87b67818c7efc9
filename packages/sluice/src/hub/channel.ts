import { SluiceError, isSluiceError, publicError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SSEMessage } from "../sse/index.ts";
import { dataOf, type TopicEvent } from "./event.ts";
import { formatPlace, type Place } from "./place.ts";
import type { Ring } from "./ring.ts";
import type { Follower, Following, TopicStore } from "./store.ts";

/**
 * What is called with each message. That of `createSSEStream` says by `ended` when it is over; any other is called until
 * it throws, or is taken back. A promise that it returns is not waited for, but one that fails is as if it had thrown.
 */
export type Send = ((message: SSEMessage) => unknown) & { readonly ended?: AbortSignal };

/** One who reads at its own pace. */
export interface Subscription {
  /**
   * The next event; undefined when there is none for now, and `wake` is called when there may be.
   * @throws SluiceError `log/gap` for one that is so far behind that events are gone, `log/released`
   */
  take(): TopicEvent | undefined;
  /** Where to go on: after the last event that was taken. */
  readonly place: string;
  close(): void;
}

export interface SubscriptionOptions {
  readonly from: Place;
  /** "" for one without a name. */
  readonly who: string;
  readonly wake: () => void;
}

export interface ChannelOptions {
  readonly key: string;
  readonly store: TopicStore;
  readonly log: Logger;
  /** Wakes this channel's subscriptions, soon, once for all that came meanwhile. */
  readonly wakeSoon: (channel: Channel) => void;
  /** Nobody is there any more. */
  readonly onEmpty: () => void;
}

/** A topic on this node, while somebody is connected to it. */
export class Channel implements Follower {
  readonly #options: ChannelOptions;
  readonly #following: Following;
  /** With what takes the listener off. */
  readonly #connections = new Map<Send, () => void>();
  readonly #subscriptions = new Set<{ readonly wake: () => void }>();
  readonly #names = new Map<string, number>();
  /** What all connections were sent: they are called one after the other, at once. */
  #sent: Place | undefined;
  #sending = false;
  #released = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#following = options.store.follow(options.key, this);
    this.#sent = this.#following.ring?.end;
  }

  get size(): number {
    return this.#connections.size + this.#subscriptions.size;
  }

  register(send: Send): void {
    if (this.#connections.has(send)) return;
    const { ended } = send;
    const leave = (): void => this.unregister(send);
    ended?.addEventListener("abort", leave, { once: true });
    this.#connections.set(send, () => ended?.removeEventListener("abort", leave));
    this.#count("", 1);
  }

  unregister(send: Send): void {
    const forget = this.#connections.get(send);
    if (!forget) return;
    forget();
    this.#connections.delete(send);
    this.#left("");
  }

  subscribe({ from, who, wake }: SubscriptionOptions): Subscription {
    const reader = { wake };
    let at = from;
    let open = true;
    this.#subscriptions.add(reader);
    this.#count(who, 1);
    return {
      take: () => {
        const next = open ? this.#after(at) : undefined;
        if (next) at = { epoch: at.epoch, sequence: next.sequence };
        return next?.event;
      },
      get place() {
        return formatPlace(at);
      },
      close: () => {
        if (!open) return;
        open = false;
        this.#subscriptions.delete(reader);
        this.#left(who);
      },
    };
  }

  changed(): void {
    if (this.#connections.size > 0) this.#send();
    else this.#sent = this.#following.ring?.end;
    if (this.#subscriptions.size > 0) this.#options.wakeSoon(this);
  }

  wake(): void {
    const readers = [...this.#subscriptions]; // of now: who is woken may come anew
    for (const { wake } of readers) {
      try {
        wake();
      } catch (error) {
        this.#log("subscriber not woken", error);
      }
    }
  }

  /** Connections are let go of, subscriptions are told. */
  release(): void {
    this.#released = true;
    this.#following.close();
    for (const forget of this.#connections.values()) forget();
    this.#connections.clear();
    this.wake();
  }

  #after({ epoch, sequence }: Place): ReturnType<Ring["after"]> {
    if (this.#released) throw new SluiceError("log/released", "The hub has been let go of.");
    const { ring } = this.#following;
    if (ring && ring.epoch !== epoch) throw lost();
    return ring?.after(sequence);
  }

  #send(): void {
    // Whoever publishes while it is called: the loop that is under way goes on with that.
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let event = this.#next(); event; event = this.#next()) this.#sendAll(event);
    } finally {
      this.#sending = false;
    }
  }

  #sendAll(event: TopicEvent): void {
    const message = { event: event.event, data: dataOf(event), id: event.id };
    const sends = [...this.#connections.keys()];
    for (const send of sends) {
      if (!this.#connections.has(send)) continue; // unregistered by one before it
      try {
        const returned = send(message);
        if (returned instanceof Promise) returned.catch((error: unknown) => this.#drop(send, error));
      } catch (error) {
        this.#drop(send, error);
      }
    }
  }

  #drop(send: Send, error: unknown): void {
    if (!this.#connections.has(send)) return; // an earlier message's failure, told later
    this.unregister(send);
    this.#log("connection dropped", error);
  }

  /** The next event for the connections, which take what there is: they cannot come back for what is lost. */
  #next(): TopicEvent | undefined {
    const { ring } = this.#following;
    if (!ring) return undefined;
    if (!this.#sent) this.#sent = ring.end;
    else if (this.#sent.epoch !== ring.epoch || this.#sent.sequence < ring.dropped) {
      this.#log("events lost for connections", lost());
      this.#sent = { epoch: ring.epoch, sequence: ring.dropped };
    }
    const next = ring.after(this.#sent.sequence);
    if (next) this.#sent = { epoch: ring.epoch, sequence: next.sequence };
    return next?.event;
  }

  #left(who: string): void {
    if (this.#released) return;
    this.#count(who, -1);
    if (this.size > 0) return;
    this.#following.close();
    this.#options.onEmpty();
  }

  #count(who: string, more: 1 | -1): void {
    const { key, store } = this.#options;
    const connections = (this.#names.get(who) ?? 0) + more;
    if (connections > 0) this.#names.set(who, connections);
    else this.#names.delete(who);
    store.present(key, who, connections).catch((error: unknown) => this.#log("presence not told", error));
  }

  #log(message: string, error: unknown): void {
    const known = isSluiceError(error, "sse/queue-full") || isSluiceError(error, "log/gap");
    const { key, log } = this.#options;
    log("warn", message, { topic: key, code: publicError(error).code, ...(known ? {} : { error }) });
  }
}

function lost(): SluiceError {
  return new SluiceError("log/gap", "The topic was lost and made anew. Begin anew, without Last-Event-ID.");
}
