/** One who reads: fires when it leaves, or the store is let go of. To be given back with `leave`. */
export interface Reader {
  readonly signal: AbortSignal;
  leave(): void;
}

/** All who read from this store. */
export class Readers {
  readonly #readers = new Set<AbortController>();
  #released = false;

  join(signal: AbortSignal): Reader {
    const reader = new AbortController();
    const abort = (): void => reader.abort();
    if (signal.aborted || this.#released) abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#readers.add(reader);
    return {
      signal: reader.signal,
      leave: () => {
        signal.removeEventListener("abort", abort);
        this.#readers.delete(reader);
      },
    };
  }

  release(): void {
    this.#released = true;
    for (const reader of this.#readers) reader.abort();
  }
}
