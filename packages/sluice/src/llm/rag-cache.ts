import { checkWhole } from "../base/options.ts";
import { systemClock, type Clock } from "../base/clock.ts";

/** Finished contexts by key. Redis fits with two lines: `get(key)`, and `set(key, context, "PX", ttlMs)`. */
export interface RagCache {
  /** Null or undefined: there is none. */
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, context: string, ttlMs: number): unknown;
}

export interface RagCacheOptions {
  /** Over it, what was not used for the longest time is dropped. Default 1,000. */
  readonly maxEntries?: number;
  readonly clock?: Clock;
}

/** A cache in this process's memory. @throws SluiceError `option/invalid` */
export function createRagCache(options: RagCacheOptions = {}): RagCache {
  const { maxEntries = 1_000, clock = systemClock } = options;
  checkWhole("maxEntries", maxEntries);
  /** In the order of the last use. */
  const entries = new Map<string, { readonly context: string; readonly until: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      if (entry.until <= clock.now()) return undefined;
      entries.set(key, entry);
      return entry.context;
    },
    set(key, context, ttlMs) {
      entries.delete(key);
      entries.set(key, { context, until: clock.now() + ttlMs });
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    },
  };
}
