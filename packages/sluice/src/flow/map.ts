import type { Source } from "./source.ts";
import { through, whenReady } from "./through.ts";

/** Each item turned into another, one at a time, in order: the next waits for the promise of the one before. */
export function map<T, U>(source: Source<T>, turn: (item: T) => U | PromiseLike<U>): AsyncIterable<U> {
  return through(source, () => ({ item: (item, emit) => whenReady(turn(item), emit) }));
}
