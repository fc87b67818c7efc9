import type { Random } from "../base/id.ts";

/** No backoff is longer. */
export const MAX_DELAY_MS = 30_000;

export interface Backoff {
  /** How long to wait after so many failures in a row, from 1. */
  delay(failures: number): number;
  /** The server's wish (`retry:`). */
  setBase(ms: number): void;
}

/**
 * Full jitter: any time between nothing and the doubled base, so that the readers of a server that fell come back
 * spread out and not all at once.
 */
export function createBackoff(random: Random): Backoff {
  let baseMs = 500;
  return {
    delay: (failures) => Math.round(fraction(random) * Math.min(MAX_DELAY_MS, baseMs * 2 ** (failures - 1))),
    setBase(ms) {
      baseMs = Math.max(1, ms); // doubling nothing would be a loop without a pause
    },
  };
}

function fraction(random: Random): number {
  const [high = 0, low = 0] = random(new Uint8Array(2));
  return (high * 256 + low) / 65_536;
}

/** Milliseconds from now, from the header's seconds or date. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
