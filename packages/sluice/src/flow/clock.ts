import { LONGEST_TIMER_MS, type Clock } from "../base/clock.ts";

/**
 * Unlike the system clock, its timers keep a Node process alive, because somebody waits for an item, and it does not
 * jump when the machine's time is set.
 */
export const waitingClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  timer(ms, run) {
    const handle = setTimeout(run, ms);
    return () => clearTimeout(handle);
  },
};

export interface Alarm {
  /** Rings at this time of the clock, and no more at any that was set before. */
  set(time: number): void;
  /** Lets go of the timer. */
  clear(): void;
}

/** For a time that moves with every item: moving it on, or to `Infinity`, costs no new timer. */
export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let time = Infinity;
  let armed: { readonly due: number; readonly cancel: () => void } | undefined;

  const arm = (): void => {
    const due = Math.min(time, clock.now() + LONGEST_TIMER_MS);
    armed = { due, cancel: clock.timer(due - clock.now(), check) };
  };
  const disarm = (): void => {
    armed?.cancel();
    armed = undefined;
  };
  const check = (): void => {
    armed = undefined;
    if (time === Infinity) return;
    if (clock.now() < time) {
      arm();
      return;
    }
    time = Infinity;
    ring();
  };
  return {
    set(given) {
      time = given;
      if (armed !== undefined && armed.due <= time) return;
      disarm();
      if (time !== Infinity) arm();
    },
    clear() {
      time = Infinity;
      disarm();
    },
  };
}
