import { SluiceError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";

/** The streams that are open on this node. */
export interface Readers {
  /** @param breakOff ends the stream visibly broken, unless it has ended. Returns what takes it out again. */
  add(breakOff: (reason: SluiceError) => void): () => void;
  /** Resolves when no stream is open. Those that still are after `ms` are broken off. */
  finish(clock: Clock, ms: number): Promise<void>;
}

export function createReaders(): Readers {
  const open = new Set<(reason: SluiceError) => void>();
  const waiting = new Set<() => void>();
  return {
    add(breakOff) {
      open.add(breakOff);
      return () => {
        open.delete(breakOff);
        if (open.size === 0) for (const resolve of waiting) resolve();
      };
    },
    async finish(clock, ms) {
      if (open.size === 0) return;
      const reason = new SluiceError("run/shutdown", "The server shut down before the answer was delivered.");
      await new Promise<void>((resolve) => {
        const done = (): void => {
          cancel();
          waiting.delete(done);
          resolve();
        };
        const cancel = clock.timer(ms, () => {
          for (const breakOff of open) breakOff(reason);
          done();
        });
        waiting.add(done);
      });
    },
  };
}
