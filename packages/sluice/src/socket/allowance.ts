import type { Clock } from "../base/clock.ts";

/** How many control messages a client may send. A conversation of people needs a few in a minute. */
export interface Allowance {
  /** False when it was too many. */
  take(): boolean;
}

const MOST = 60;
const PER_SECOND = 10;

export function createAllowance(clock: Clock): Allowance {
  let left = MOST;
  let at = clock.now();
  return {
    take() {
      const now = clock.now();
      left = Math.min(MOST, left + (Math.max(0, now - at) / 1000) * PER_SECOND);
      at = now;
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
