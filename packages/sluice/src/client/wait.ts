import { LONGEST_TIMER_MS, type Clock } from "../base/clock.ts";
import type { WakeSource } from "./wake.ts";

/** As `clock.timer`, for any number of milliseconds. */
export function startTimer(clock: Clock, ms: number, run: () => void): () => void {
  return clock.timer(Math.min(ms, LONGEST_TIMER_MS), run);
}

/** Unlike the system clock, its timers keep a Node process alive: somebody waits for the answer. */
export const waitingClock: Clock = {
  now: () => Date.now(),
  timer(ms, run) {
    const handle = setTimeout(run, ms);
    return () => clearTimeout(handle);
  },
};

export interface Wait {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly wake: WakeSource | undefined;
}

/** Ends with the time, the signal or the wake, whichever is first. True for the wake. */
export function wait(ms: number, { clock, signal, wake }: Wait): Promise<boolean> {
  return new Promise((resolve) => {
    let cancelTimer = (): void => {};
    let unsubscribe = (): void => {};
    const end = (woken: boolean): void => {
      cancelTimer();
      unsubscribe();
      signal?.removeEventListener("abort", onAbort);
      resolve(woken);
    };
    const onAbort = (): void => end(false);
    signal?.addEventListener("abort", onAbort);
    cancelTimer = startTimer(clock, ms, () => end(false));
    if (wake !== undefined) unsubscribe = wake.subscribe(() => end(true));
    if (signal?.aborted === true) end(false);
  });
}
