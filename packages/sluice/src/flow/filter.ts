import type { Source } from "./source.ts";
import { through, whenReady } from "./through.ts";

/** The items for which `keep` says true. */
export function filter<T>(source: Source<T>, keep: (item: T) => boolean | PromiseLike<boolean>): AsyncIterable<T> {
  return through(source, () => ({
    item: (item, emit) =>
      whenReady(keep(item), (kept) => {
        if (kept) emit(item);
      }),
  }));
}
