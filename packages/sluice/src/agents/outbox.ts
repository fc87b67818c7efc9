interface Waiting<T> {
  readonly value: T;
  readonly taken: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * From those who push to one who pulls. What is put is taken when the one who pulls comes for the next: then it is done
 * with it.
 */
export class Outbox<T> implements AsyncIterableIterator<T> {
  readonly #onLeave: () => void;
  #waiting: Waiting<T>[] = [];
  /** Handed out, and not yet done with. */
  #out: Waiting<T> | undefined;
  #asking: { resolve(step: IteratorResult<T>): void; reject(error: unknown): void } | undefined;
  #ended: { readonly failure?: { readonly error: unknown } } | undefined;

  /** @param onLeave called when the one who pulls leaves before the end */
  constructor(onLeave: () => void = () => {}) {
    this.#onLeave = onLeave;
  }

  /** Resolves when it is taken. After the end it is dropped. */
  put(value: T): Promise<void> {
    return new Promise((taken, refuse) => {
      if (this.#ended) return taken();
      const waiting = { value, taken, refuse };
      const asking = this.#asking;
      if (!asking) {
        this.#waiting.push(waiting);
        return undefined;
      }
      this.#asking = undefined;
      this.#out = waiting;
      return asking.resolve({ done: false, value });
    });
  }

  /** Nothing comes after what waits; after a failure not even that, and whoever waits is told. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#ended) return;
    this.#ended = failure ? { failure } : {};
    if (failure) for (const { refuse } of this.#drop()) refuse(failure.error);
    if (!this.#asking) return;
    const asking = this.#asking;
    this.#asking = undefined;
    if (failure) asking.reject(failure.error);
    else asking.resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T>> {
    this.#out?.taken();
    this.#out = this.#waiting.shift();
    if (this.#out) return Promise.resolve({ done: false, value: this.#out.value });
    if (this.#ended?.failure) return Promise.reject(this.#ended.failure.error);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => (this.#asking = { resolve, reject }));
  }

  return(): Promise<IteratorResult<T>> {
    this.#asking?.resolve({ done: true, value: undefined });
    this.#asking = undefined;
    if (!this.#ended) this.#onLeave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #drop(): readonly Waiting<T>[] {
    const dropped = this.#out ? [this.#out, ...this.#waiting] : this.#waiting;
    this.#out = undefined;
    this.#waiting = [];
    return dropped;
  }

  /** The one who pulls wants no more: whoever waits goes on, and so does whoever comes. */
  drop(): void {
    this.#ended ??= {};
    for (const { taken } of this.#drop()) taken();
  }
}
