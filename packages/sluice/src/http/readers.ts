import { SluiceError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { encodeEvent } from "../sse/index.ts";

/** The streams that are open on this node. */
export interface Readers {
  add(reader: Reader): void;
  remove(reader: Reader): void;
  /** Sends those whose clients come back by themselves to another node, soon. */
  move(): void;
  /** Resolves when no stream is open. The endless ones are broken off at once, those that still are there after `ms`. */
  finish(clock: Clock, ms: number): Promise<void>;
}

export interface Reader {
  readonly resumes: boolean;
  /** There is nothing to wait for. */
  readonly endless: boolean;
  /** Ends the stream visibly broken, unless it has ended; where it can, after the last frame. */
  breakOff(reason: SluiceError, lastFrame?: string): void;
}

const RETRY_MS = 250;

export function createReaders(): Readers {
  const open = new Set<Reader>();
  const waiting = new Set<() => void>();
  return {
    add: (reader) => void open.add(reader),
    remove(reader) {
      open.delete(reader);
      if (open.size === 0) for (const resolve of waiting) resolve();
    },
    move() {
      for (const reader of open) if (reader.resumes) sendElsewhere(reader);
    },
    async finish(clock, ms) {
      for (const reader of open) if (reader.endless) sendElsewhere(reader);
      if (open.size === 0) return;
      const reason = new SluiceError("run/shutdown", "The server shut down before the answer was delivered.");
      await new Promise<void>((resolve) => {
        const done = (): void => {
          cancel();
          waiting.delete(done);
          resolve();
        };
        const cancel = clock.timer(ms, () => {
          for (const reader of open) reader.breakOff(reason);
          done();
        });
        waiting.add(done);
      });
    },
  };
}

function sendElsewhere(reader: Reader): void {
  const reason = new SluiceError("run/draining", "This server is shutting down. Go on at another.");
  reader.breakOff(reason, encodeEvent({ retry: RETRY_MS }));
}
