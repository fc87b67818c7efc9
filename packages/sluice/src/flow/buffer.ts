import { checkWhole } from "../base/options.ts";
import { iterate, type Answer, type Producer } from "./iterate.ts";
import { readAhead } from "./read-ahead.ts";
import type { Source } from "./source.ts";

export interface BufferOptions {
  /**
   * How many items must be there, or the source at its end, before the first is handed on: the start of a voice or a
   * video that must not run dry. Default 1, at once; at most `n`.
   */
  readonly startAt?: number;
}

/**
 * Reads on while the consumer is busy: at most `n` items ahead of it, from its first ask on.
 * @throws SluiceError `option/invalid`
 */
export function buffer<T>(source: Source<T>, n: number, options: BufferOptions = {}): AsyncIterable<T> {
  const { startAt = 1 } = options;
  checkWhole("n", n);
  checkWhole("startAt", startAt);
  const start = Math.min(startAt, n);
  return { [Symbol.asyncIterator]: () => iterate<T>((answer) => bufferOf(source, { n, start, answer })) };
}

interface Buffering<T> {
  readonly n: number;
  readonly start: number;
  readonly answer: Answer<T>;
}

function bufferOf<T>(source: Source<T>, { n, start, answer }: Buffering<T>): Producer {
  let asked = false;
  let started = false;
  const ahead = readAhead(source, n, offer);

  function offer(): void {
    started ||= ahead.size >= start || ahead.over;
    if (!asked || !started) return;
    if (ahead.size > 0) {
      asked = false;
      answer.give(ahead.take());
    } else if (ahead.over) ahead.finish(answer);
  }

  return {
    pull() {
      asked = true;
      offer();
      ahead.read();
    },
    leave: ahead.leave,
  };
}
