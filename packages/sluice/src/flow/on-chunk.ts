import type { Source } from "./source.ts";
import { through, whenReady } from "./through.ts";

/** Looks at each item before it goes on, unchanged. A promise holds it up; a failure fails the flow. */
export function onChunk<T>(source: Source<T>, look: (item: T) => unknown): AsyncIterable<T> {
  return through(source, () => ({ item: (item, emit) => whenReady(look(item), () => emit(item)) }));
}
