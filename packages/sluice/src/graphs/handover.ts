/** Hands items from callbacks to whoever iterates. Holds what is not taken yet: those who push wait until it is. */
export interface Handover<T> extends AsyncIterable<T> {
  /** Resolves when everything pushed so far was taken, or nobody takes any more. Never rejects. */
  push(items: readonly T[]): Promise<void>;
  /** After the items: the end, or the error. What is pushed later is dropped. */
  end(failure?: { readonly error: unknown }): void;
}

/** To be iterated once. Leaving early lets go of those who wait. */
export function createHandover<T>(): Handover<T> {
  let held: T[] = [];
  let ended: { readonly failure: { readonly error: unknown } | undefined } | undefined;
  let gone = false;
  let wake = (): void => {};
  let letIn: (() => void)[] = [];

  const release = (): void => {
    for (const resolve of letIn) resolve();
    letIn = [];
  };

  return {
    push(items) {
      if (ended || gone || items.length === 0) return Promise.resolve();
      held.push(...items);
      wake();
      return new Promise((resolve) => letIn.push(resolve));
    },
    end(failure) {
      ended ??= { failure };
      wake();
    },
    async *[Symbol.asyncIterator]() {
      try {
        while (true) {
          const items = held;
          held = [];
          yield* items;
          if (held.length > 0) continue;
          release();
          if (ended?.failure) throw ended.failure.error;
          if (ended) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        gone = true;
        release();
      }
    },
  };
}
