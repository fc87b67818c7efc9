import { Queue } from "./queue.ts";

/** Answers the pull that is under way. Without one, or after the consumer has left, it does nothing. */
export interface Answer<T> extends Ending {
  give(item: T): void;
}

export interface Ending {
  end(): void;
  fail(error: unknown): void;
}

/** What stands behind an iterator. */
export interface Producer {
  /** The consumer waits for one item. Answered once, now or later; not called again before that. */
  pull(): void;
  /** The consumer leaves before the end; called at most once, also when nothing was ever pulled. */
  leave(): Promise<void>;
}

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An iterator by hand. Other than an async generator it does not let a `return()` wait behind a `next()` that hangs: the
 * `next()` is answered with the end, and the producer told. Several calls of `next()` are answered one after another.
 */
export function iterate<T>(make: (answer: Answer<T>) => Producer): AsyncIterableIterator<T> {
  const waiting = new Queue<Waiting<T>>();
  let over = false;
  let asked = false;
  let serving = false;

  const end = (): void => {
    over = true;
    while (waiting.size > 0) waiting.take().resolve({ done: true, value: undefined });
  };
  const producer = make({
    give(item) {
      if (waiting.size === 0) return;
      asked = false;
      waiting.take().resolve({ done: false, value: item });
      if (waiting.size > 0) serve();
    },
    end,
    fail(error) {
      if (waiting.size > 0) waiting.take().reject(error);
      end();
    },
  });

  /** In a loop, so that producers that answer within `pull` cannot exhaust the stack. */
  function serve(): void {
    if (serving) return;
    serving = true;
    while (!asked && waiting.size > 0) {
      asked = true;
      producer.pull();
    }
    serving = false;
  }

  return {
    next() {
      return new Promise((resolve, reject) => {
        if (over) {
          resolve({ done: true, value: undefined });
          return;
        }
        waiting.push({ resolve, reject });
        serve();
      });
    },
    async return() {
      if (!over) {
        end();
        await producer.leave();
      }
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
