import type { Clock } from "../base/clock.ts";

/** Time that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and fires what falls due, in the order of due times, also what is set on the way. Before each timer
   * and at the end, promise callbacks and one round of I/O get their turn. To be awaited.
   */
  advance(ms: number): Promise<void>;
  /** How many timers wait. Zero after a test says that nothing was left behind. */
  readonly timers: number;
}

/** @param start milliseconds since 1970 */
export function createManualClock(start = 0): ManualClock {
  const timers = new Set<Timer>();
  let now = start;
  return {
    now: () => now,
    get timers() {
      return timers.size;
    },
    timer(ms, run) {
      const timer = { due: now + Math.max(0, ms), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const target = now + ms;
      await turn();
      for (let timer = earliest(timers, target); timer !== undefined; timer = earliest(timers, target)) {
        timers.delete(timer);
        now = Math.max(now, timer.due);
        timer.run();
        await turn();
      }
      now = Math.max(now, target);
    },
  };
}

interface Timer {
  readonly due: number;
  readonly run: () => void;
}

/** Of those due at the same time, the one that was set first. */
function earliest(timers: ReadonlySet<Timer>, until: number): Timer | undefined {
  let found: Timer | undefined;
  for (const timer of timers) {
    if (timer.due <= until && (found === undefined || timer.due < found.due)) found = timer;
  }
  return found;
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
