import { unsupported } from "./decoder.ts";

/** A stream in either shape. Not every ReadableStream can be iterated (Safari's cannot). */
export type Pullable<T> = AsyncIterable<T> | ReadableStream<T>;

export interface Pull<T> {
  /** One pass. Leaving it early returns or cancels the source. */
  readonly items: AsyncIterable<T>;
  /** Returns or cancels the source, also while it hangs; the items may then end as if they were all. Never throws. */
  letGo(): void;
}

/**
 * Takes hold of a source; nothing is pulled yet.
 * @throws SluiceError `run/source-unsupported` for what is no stream, or is read by somebody else
 */
export function pull<T>(source: Pullable<T>): Pull<T> {
  if (isStream(source)) return pullStream(source);
  if (isIterable(source)) return pullIterable(source);
  throw unsupported("This is no source.");
}

function pullStream<T>(stream: ReadableStream<T>): Pull<T> {
  if (stream.locked) throw unsupported("The stream is read by somebody else.");
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

// The types promise one of the two, but sources come from everywhere.
function isStream<T>(source: Pullable<T>): source is ReadableStream<T> {
  return isObjectLike(source) && "getReader" in source && typeof source.getReader === "function";
}

function isIterable<T>(source: Pullable<T>): source is AsyncIterable<T> {
  return isObjectLike(source) && Symbol.asyncIterator in source;
}

function isAbortable(value: unknown): value is { abort(): void } {
  return isObjectLike(value) && "abort" in value && typeof value.abort === "function";
}

function isObjectLike(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
