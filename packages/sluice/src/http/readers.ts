import { SluiceError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";

/** The streams that are open on this node. */
export interface Readers {
  /** @param breakOff ends the stream visibly broken; called at most once. Returns what takes it out again. */
  add(breakOff: (reason: SluiceError) => void): () => void;
  /** Resolves when no stream is open. Those that still are after `ms` are broken off. */
  finish(clock: Clock, ms: number): Promise<void>;
}

export function createReaders(): Readers {
  const open = new Set<(reason: SluiceError) => void>();
  let whenEmpty = (): void => {};
  return {
    add(breakOff) {
      open.add(breakOff);
      return () => {
        open.delete(breakOff);
        if (open.size === 0) whenEmpty();
      };
    },
    finish: (clock, ms) =>
      new Promise((resolve) => {
        if (open.size === 0) return resolve();
        const cancel = clock.timer(ms, () => {
          const reason = new SluiceError("run/shutdown", "The server shut down before the answer was delivered.");
          for (const breakOff of [...open]) breakOff(reason);
          resolve();
        });
        whenEmpty = () => {
          cancel();
          resolve();
        };
      }),
  };
}
