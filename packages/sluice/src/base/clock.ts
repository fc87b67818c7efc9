/** Time as an argument. Tests pass a manual one (`sluice/testing`) and never sleep. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once after `ms`; the function returned cancels it. Does not keep the process alive. */
  timer(ms: number, run: () => void): () => void;
}

/** What a timer can hold; more would fire at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  timer(ms, run) {
    const handle = setTimeout(run, ms);
    // Browsers return a number, Node an object that would hold the process open.
    if (typeof handle === "object" && "unref" in handle) handle.unref();
    return () => clearTimeout(handle);
  },
};

/** Resolves after `ms`. @throws the signal's reason when aborted first */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.timer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
