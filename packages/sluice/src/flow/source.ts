import { wrongOption } from "../base/options.ts";
import type { SluiceError } from "../base/errors.ts";

/**
 * What operators read: an async iterable (async generators, Node streams, pumps), an iterable (arrays, generators) or
 * a web `ReadableStream`, also where it is no async iterable (Safari). Text is refused, though it is an iterable.
 */
export type Source<T> = AsyncIterable<T> | Iterable<T | PromiseLike<T>> | ReadableStream<T>;

/** What comes of an `ask`, exactly one of them. Nothing of it comes after `leave`. */
export interface Taker<T> {
  item(item: T): void;
  end(): void;
  fail(error: unknown): void;
}

/** One reading of a source. */
export interface Reading {
  /** Pulls one item. Not to be called again before the answer, which never comes within the call. */
  ask(): void;
  /**
   * Calls the source's `return()`, once, unless the source is over. Resolves when the source has cleaned up; at once
   * when it still owes an item, because a source that hangs there never answers `return()` either.
   */
  leave(): Promise<void>;
}

/** Opens the source; nothing is pulled. @throws SluiceError `option/invalid` when it is none */
export function openSource<T>(source: Source<T>, taker: Taker<T>): Reading {
  const iterator = iteratorOf(source);
  let state: "idle" | "asked" | "over" = "idle";

  const next = (): Promise<IteratorResult<T>> => {
    try {
      return Promise.resolve(iterator.next());
    } catch (error) {
      return Promise.reject(error);
    }
  };
  const onStep = (step: IteratorResult<T>): void => {
    if (state === "over") return;
    if (step.done === true) {
      state = "over";
      taker.end();
    } else {
      state = "idle";
      taker.item(step.value);
    }
  };
  const onError = (error: unknown): void => {
    if (state === "over") return;
    state = "over";
    taker.fail(error);
  };

  return {
    ask() {
      state = "asked";
      next().then(onStep, onError);
    },
    async leave() {
      if (state === "over") return;
      const owesItem = state === "asked";
      state = "over";
      const left = settled(() => iterator.return?.());
      if (!owesItem) await left;
      else {
        left.catch(ignore); // Nobody listens to what it says any more.
        destroy(source);
      }
    },
  };
}

function iteratorOf<T>(source: Source<T>): AsyncIterator<T> {
  // Text could be read as its characters, which nobody wants: it is text where a stream of it was meant.
  if (typeof source !== "object" || source === null) throw noSource();
  // A reader before the stream's own iterator: that one queues a return() behind the read that hangs.
  if ("getReader" in source) return readerIterator(source);
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  if (Symbol.iterator in source) return awaited(source);
  throw noSource();
}

function noSource(): SluiceError {
  return wrongOption("source", "A source must be an async iterable, an iterable or a ReadableStream.");
}

function readerIterator<T>(stream: ReadableStream<T>): AsyncIterator<T> {
  const reader = stream.getReader();
  return {
    async next() {
      let taken: ReadableStreamReadResult<T> | undefined;
      try {
        taken = await reader.read();
      } finally {
        if (taken?.done !== false) reader.releaseLock();
      }
      return taken.done ? { done: true, value: undefined } : { done: false, value: taken.value };
    },
    async return() {
      await reader.cancel();
      reader.releaseLock();
      return { done: true, value: undefined };
    },
  };
}

async function* awaited<T>(items: Iterable<T | PromiseLike<T>>): AsyncGenerator<T> {
  for (const item of items) yield await item;
}

/** A Node stream's iterator queues its return() as a generator does; the stream itself can be let go of at once. */
function destroy(source: object): void {
  if ("destroy" in source && "pipe" in source && typeof source.destroy === "function") source.destroy();
}

/** A call that throws where it should reject rejects. */
function settled<T>(call: () => T | PromiseLike<T>): Promise<T> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

function ignore(): void {}
