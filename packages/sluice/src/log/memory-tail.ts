import { takeSlice, type Held } from "./rules.ts";
import type { LogSlice, ReadLog, TailLog } from "./types.ts";

interface Tailed extends Held {
  /** Those who wait for entries. Called, and forgotten, at the next append. */
  readonly readers: Set<() => void>;
}

/** A tail of a log in memory. Not a generator: one wake-up of a live reader is to cost one promise. */
export class MemoryTail implements AsyncIterator<LogSlice> {
  readonly #open: () => Tailed | undefined;
  readonly #signal: AbortSignal;
  readonly #place: { after: number } & ReadLog;
  #over = false;
  #readers: Set<() => void> | undefined;
  #answer: ((step: IteratorResult<LogSlice>) => void) | undefined;
  #refuse: ((error: unknown) => void) | undefined;

  /** @param open undefined once the store is let go of; throws for a log that is gone */
  constructor(open: () => Tailed | undefined, options: TailLog) {
    this.#open = open;
    this.#signal = options.signal;
    this.#place = { ...options };
    if (options.signal.aborted) this.#over = true;
    else options.signal.addEventListener("abort", this.#abort, { once: true });
  }

  next(): Promise<IteratorResult<LogSlice>> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#refuse = reject;
      this.#look();
    });
  }

  return(): Promise<IteratorResult<LogSlice>> {
    return Promise.resolve(this.#end());
  }

  readonly #abort = (): void => {
    this.#over = true;
    this.#look();
  };

  readonly #look = (): void => {
    const answer = this.#answer;
    if (!answer) return;
    try {
      const step = this.#step();
      if (!step) return;
      this.#answer = undefined;
      answer(step);
    } catch (error) {
      this.#answer = undefined;
      this.#end();
      this.#refuse?.(error);
    }
  };

  /** undefined while there is nothing: then it looks again when the log wakes it. */
  #step(): IteratorResult<LogSlice> | undefined {
    if (this.#over) return this.#end();
    const log = this.#open();
    if (!log) return this.#end();
    const slice = takeSlice(log, this.#place);
    if (slice.entries.length === 0 && !slice.end) {
      this.#readers = log.readers;
      log.readers.add(this.#look);
      return undefined;
    }
    this.#place.after += slice.entries.length;
    if (slice.end) this.#over = true;
    return { done: false, value: slice };
  }

  #end(): IteratorReturnResult<undefined> {
    this.#over = true;
    this.#readers?.delete(this.#look);
    this.#signal.removeEventListener("abort", this.#abort);
    return { done: true, value: undefined };
  }
}
