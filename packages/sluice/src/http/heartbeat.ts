import type { Clock } from "../base/clock.ts";

/** Calls `beat` after every `ms` of silence. One timer, armed again only when it fires: touching costs nothing. */
export interface Heartbeat {
  /** Something was just sent. */
  touch(): void;
  stop(): void;
}

export function startHeartbeat(clock: Clock, ms: number, beat: () => void): Heartbeat {
  let last = clock.now();
  let cancel = clock.timer(ms, look);

  function look(): void {
    const silent = clock.now() - last;
    if (silent >= ms) {
      last = clock.now();
      beat();
    }
    cancel = clock.timer(silent >= ms ? ms : ms - silent, look);
  }

  return {
    touch() {
      last = clock.now();
    },
    stop: () => cancel(),
  };
}
