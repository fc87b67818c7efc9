import type { BackoffOptions } from "./types.ts";

export interface Backoff {
  /** How long to wait after so many failures in a row, from 1. */
  delay(failures: number): number;
  /** The server's wish (`retry:`). */
  setBase(ms: number): void;
  readonly maxMs: number;
}

/**
 * Full jitter: any time between nothing and the doubled base, so that the readers of a server that fell come back
 * spread out and not all at once.
 */
export function createBackoff(options: BackoffOptions, random: () => number): Backoff {
  let { baseMs = 500 } = options;
  const { maxMs = 30_000 } = options;
  return {
    delay: (failures) => Math.round(random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))),
    setBase(ms) {
      baseMs = ms;
    },
    maxMs,
  };
}

/** Milliseconds from now, from the header's seconds or date. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
