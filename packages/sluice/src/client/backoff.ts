import type { Random } from "../base/id.ts";
import type { BackoffOptions } from "./types.ts";

export interface Backoff {
  /** How long to wait after so many failures in a row, from 1. */
  delay(failures: number): number;
  /** The server's wish (`retry:`), else the option. */
  baseMs: number;
}

/** Full jitter. */
export function createBackoff(random: Random, options: BackoffOptions): Backoff {
  const { maxMs = 30_000 } = options;
  const backoff = {
    baseMs: options.baseMs ?? 500,
    delay(failures: number): number {
      const base = Math.max(1, backoff.baseMs); // doubling nothing would be a loop without a pause
      return Math.round(fraction(random) * Math.min(Math.max(maxMs, base), base * 2 ** (failures - 1)));
    },
  };
  return backoff;
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
