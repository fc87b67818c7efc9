import type { Logger } from "../../base/log.ts";
import { publicError } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import type { Bell, Bells } from "../../log/redis/bells.ts";
import { Ring } from "../ring.ts";
import type { Follower, Following } from "../store.ts";

/** A part of a topic, as Redis has it. */
export interface Page {
  readonly epoch: string;
  readonly dropped: number;
  readonly last: number;
  readonly events: readonly { readonly sequence: number; readonly text: string }[];
}

export interface FollowingOptions {
  readonly channel: string;
  readonly bells: Bells;
  /** What comes after a number, or all that is kept. */
  readonly read: (after: number | undefined) => Promise<Page>;
  /** Loads in its turn among what this node tells the topic: what it tells from now on is told to those who came before. */
  readonly begin: (load: () => Promise<Ring>) => Promise<Ring>;
  readonly history: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly follower: Follower;
}

const AGAIN_MS = 1_000;

/**
 * One topic on this node: asks Redis for what comes after the last event it has, whenever the bell rings. What a lost
 * connection has kept from it, it asks for as well: the bell rings when there is one again.
 */
export class RedisFollowing implements Following {
  ring: Ring | undefined;
  readonly #options: FollowingOptions;
  readonly #bell: Bell;
  readonly #left = new AbortController();

  constructor(options: FollowingOptions) {
    this.#options = options;
    this.#bell = options.bells.join(options.channel);
    void this.#follow();
  }

  close(): void {
    if (this.#left.signal.aborted) return;
    this.#left.abort();
    this.#options.bells.leave(this.#bell);
  }

  async #follow(): Promise<void> {
    const { clock, log, channel } = this.#options;
    const { signal } = this.#left;
    while (!signal.aborted) {
      const { version } = this.#bell;
      try {
        if (await this.#look()) continue;
        await this.#bell.changed(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        log("warn", "topic not read", { channel, code: publicError(error).code, error });
        await this.#bell.changed(this.#bell.version, signal, { ms: AGAIN_MS, clock });
      }
    }
  }

  /** True when there is more at once. */
  async #look(): Promise<boolean> {
    const { read, begin, follower } = this.#options;
    const known = this.ring;
    if (known) {
      const page = await read(known.last);
      if (this.#left.signal.aborted) return false;
      if (page.epoch === known.epoch && page.dropped <= known.last) {
        for (const { sequence, text } of page.events) known.add(sequence, text);
        if (page.events.length > 0) follower.changed();
        return page.events.length > 0 && known.last < page.last;
      }
    }
    // Made anew, or so far behind that events are gone: whoever has less than the new one has is told.
    const ring = await (known ? this.#load() : begin(() => this.#load()));
    if (this.#left.signal.aborted) return false;
    this.ring = ring;
    follower.changed();
    return false;
  }

  async #load(): Promise<Ring> {
    const { read, history } = this.#options;
    let ring: Ring | undefined;
    while (true) {
      const page = await read(ring?.last);
      // Lost, or gone before it was read: from the start, for what lies between is not to be passed over.
      if (ring && (page.epoch !== ring.epoch || page.dropped > ring.last)) {
        ring = undefined;
        continue;
      }
      ring ??= new Ring(page.epoch, page.dropped, { history });
      for (const { sequence, text } of page.events) ring.add(sequence, text);
      if (page.events.length === 0 || ring.last >= page.last) return ring;
    }
  }
}
