/** A stream in either shape. Not every ReadableStream can be iterated (Safari's cannot). */
export type Pullable<T> = AsyncIterable<T> | ReadableStream<T>;

export interface Pull<T> {
  /** One pass. Leaving it early returns or cancels the source. */
  readonly items: AsyncIterable<T>;
  /** Returns or cancels the source, also while it hangs; the items may then end as if they were all. Never throws. */
  letGo(): void;
}

export function isPullable(value: unknown): value is Pullable<unknown> {
  if (typeof value !== "object" || value === null) return false;
  return Symbol.asyncIterator in value || ("getReader" in value && typeof value.getReader === "function");
}

/** Takes hold of a source; nothing is pulled yet. @throws TypeError for a stream that is locked already */
export function pull<T>(source: Pullable<T>): Pull<T> {
  return "getReader" in source ? pullStream(source) : pullIterable(source);
}

function pullStream<T>(stream: ReadableStream<T>): Pull<T> {
  const reader = stream.getReader();
  const letGo = (): void => void reader.cancel().catch(() => {});
  return {
    letGo,
    items: (async function* () {
      try {
        while (true) {
          const { done, value } = await reader.read();
          if (done) return;
          yield value;
        }
      } finally {
        letGo();
      }
    })(),
  };
}

function pullIterable<T>(source: AsyncIterable<T>): Pull<T> {
  const iterator = source[Symbol.asyncIterator]();
  return {
    items: { [Symbol.asyncIterator]: () => iterator },
    letGo() {
      // The `return` of a generator waits for what it hangs in. The streams of OpenAI's SDK can be torn from outside.
      if ("controller" in source && isAbortable(source.controller)) source.controller.abort();
      void returnQuietly(iterator);
    },
  };
}

async function returnQuietly(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Nobody is listening to what it says.
  }
}

function isAbortable(value: unknown): value is { abort(): void } {
  return typeof value === "object" && value !== null && "abort" in value && typeof value.abort === "function";
}
