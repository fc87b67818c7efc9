import { systemClock, type Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import type { CallbackStore } from "./callback-store.ts";

export interface MemoryCallbacksOptions {
  /** Tokens that are kept at a time; one more is refused. Default 100,000. */
  readonly maxTokens?: number;
  readonly clock?: Clock;
}

interface Entry {
  readonly owner: string;
  readonly action: string;
  until: number;
  attempts: number;
  lock: { readonly holder: string; readonly until: number } | undefined;
  outcome: string | undefined;
}

/** Tokens in this process's memory: other nodes do not know them, and they end with it. */
export function createMemoryCallbacks(options: MemoryCallbacksOptions = {}): CallbackStore {
  const { maxTokens = 100_000, clock = systemClock } = options;
  const entries = new Map<string, Entry>();

  const find = (token: string): Entry | undefined => {
    const entry = entries.get(token);
    if (entry === undefined || entry.until > clock.now()) return entry;
    entries.delete(token);
    return undefined;
  };

  const held = (token: string, holder: string): Entry | undefined => {
    const entry = find(token);
    return entry?.lock?.holder === holder ? entry : undefined;
  };

  // Only where room is needed: tokens that nobody asked for are in nobody's way until then.
  const sweep = (): void => {
    for (const token of entries.keys()) find(token);
  };

  return {
    async issue(token, { owner, action, ttlMs }) {
      if (entries.size >= maxTokens) sweep();
      if (entries.size >= maxTokens) {
        throw new SluiceError("callback/too-many", `There are ${maxTokens} actions waiting already.`, {
          details: { limit: maxTokens },
        });
      }
      const until = clock.now() + ttlMs;
      entries.set(token, { owner, action, until, attempts: 0, lock: undefined, outcome: undefined });
    },
    async take(token, { owner, holder, lockMs }) {
      const entry = find(token);
      if (entry === undefined || entry.owner !== owner) return { kind: "missing" };
      const { lock, outcome, action } = entry;
      const now = clock.now();
      if (outcome !== undefined) return { kind: "settled", outcome };
      const isHeld = lock !== undefined && lock.until > now;
      if (isHeld && lock.holder !== holder) return { kind: "locked", ms: lock.until - now };
      if (!isHeld) {
        entry.attempts += 1;
        entry.lock = { holder, until: now + lockMs };
        // What is at work is not forgotten before it can say how it went.
        entry.until = Math.max(entry.until, now + 2 * lockMs);
      }
      return { kind: "taken", action, attempt: entry.attempts };
    },
    async settle(token, { holder, outcome, keepMs }) {
      const entry = held(token, holder);
      if (entry === undefined) return false;
      entry.outcome = outcome;
      entry.lock = undefined;
      entry.until = clock.now() + keepMs;
      return true;
    },
    async release(token, holder, { untried = false } = {}) {
      const entry = held(token, holder);
      if (entry === undefined) return;
      entry.lock = undefined;
      if (untried) entry.attempts -= 1;
    },
  };
}
