import { LONGEST_TIMER_MS, type Clock } from "../base/clock.ts";
import type { WakeSource } from "./wake.ts";

/** As `clock.timer`, for any number of milliseconds. */
export function startTimer(clock: Clock, ms: number, run: () => void): () => void {
  if (ms === Infinity) return () => {};
  return clock.timer(Math.min(ms, LONGEST_TIMER_MS), run);
}

/** A timer stands still while the machine sleeps; time does not. So long it takes at most to notice. */
const LONGEST_STEP_MS = 5_000;

/** Unlike the system clock, its timers keep a Node process alive: somebody waits for the answer. */
export const waitingClock: Clock = {
  now: () => Date.now(),
  timer(ms, run) {
    let left = ms;
    let handle: ReturnType<typeof setTimeout>;
    const step = (): void => {
      const begun = Date.now();
      const stepMs = Math.min(left, LONGEST_STEP_MS);
      handle = setTimeout(() => {
        left -= Math.max(stepMs, Date.now() - begun); // the time of day may also be set back
        if (left > 0) step();
        else run();
      }, stepMs);
    };
    step();
    return () => clearTimeout(handle);
  },
};

/** Timers of a hidden page may be as late; what is later has slept. */
const LATEST_TIMER_MS = 60_000;

/** Whether the machine slept in a wait of so long. Sleep is no time in which anything could have failed. */
export function hasSlept(clock: Clock, since: number, ms: number): boolean {
  return clock.now() - since > ms + LATEST_TIMER_MS;
}

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
