import type { Place } from "./place.ts";
import type { Ring } from "./ring.ts";

/** Where a subscriber begins: after an event it has, or before the newest `last` of them (0: live). */
export type Start = { readonly after: Place } | { readonly last: number };

/** Who follows a topic on this node. */
export interface Follower {
  /** There is more, or the ring is another one. Called within `publish` where the store is this process's memory. */
  changed(): void;
}

/** The newest events of a topic, kept up to date. */
export interface Following {
  /** undefined until they are there. Another one when the topic was lost and made again. */
  readonly ring: Ring | undefined;
  close(): void;
}

/**
 * Where topics are kept. Each is made by whoever asks for it first, and is gone when nobody has published to it or
 * followed it for `ttlMs`. Everything of one caller about one topic takes effect in the order of the calls.
 */
export interface TopicStore {
  /** Resolves with the event's place once followers everywhere can get it. @throws SluiceError `hub/queue-full`, `log/unavailable` */
  publish(key: string, text: string): Promise<Place>;
  /** Judged against the store. @throws SluiceError `log/gap`, `offset/beyond-end`, `log/rewound`, `log/unavailable` */
  locate(key: string, start: Start): Promise<Place>;
  follow(key: string, follower: Follower): Following;
  /**
   * So many connections of this node are `who`'s now; "" for those without a name. The first and the last of a name on
   * all nodes become an event `presence`.
   */
  present(key: string, who: string, connections: number): Promise<void>;
  /** Connections by name, on all nodes. */
  members(key: string): Promise<ReadonlyMap<string, number>>;
  /** Somebody types, for `ms` from now on; 0: no more. A change becomes an event `typing`. */
  typing(key: string, who: string, ms: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options that every store has. */
export interface TopicStoreOptions {
  /**
   * The newest events that are kept of a topic, at least, for those who come late or come back. From 1 to 10,000;
   * default 100. (More are kept while they are small: 256 Ki characters.)
   */
  readonly history?: number;
  /** A topic that nobody has published to or followed for so long is gone. Default 3,600,000 (1 h). */
  readonly ttlMs?: number;
}

/** The events by which a store tells of changes. */
export const presenceText = (change: "joined" | "left", who: string): string =>
  `presence\nj${JSON.stringify({ [change]: who })}`;

export const typingText = (who: string, isTyping: boolean): string => `typing\nj${JSON.stringify({ isTyping, who })}`;
