import type { Clock } from "../base/clock.ts";
import type { WakeSource } from "./wake.ts";

/** What a timer can hold; more would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** As `clock.timer`, for any number of milliseconds, also Infinity. */
export function startTimer(clock: Clock, ms: number, run: () => void): () => void {
  return clock.timer(Math.min(ms, LONGEST_TIMER), run);
}

/** Unlike the system clock of the server side, its timers keep a Node process alive: somebody waits for the answer. */
export const waitingClock: Clock = {
  now: () => Date.now(),
  timer(ms, run) {
    const handle = setTimeout(run, ms);
    return () => clearTimeout(handle);
  },
};

/** Ends with the time, the wake or the signal, whichever is first. */
export function wait(ms: number, clock: Clock, signal: AbortSignal, wake?: WakeSource): Promise<"time" | "wake" | "left"> {
  return new Promise((resolve) => {
    const end = (by: "time" | "wake" | "left"): void => {
      cancelTimer();
      unsubscribe?.();
      signal.removeEventListener("abort", onAbort);
      resolve(by);
    };
    const onAbort = (): void => end("left");
    const cancelTimer = startTimer(clock, ms, () => end("time"));
    const unsubscribe = wake?.subscribe(() => end("wake"));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) end("left");
  });
}
