import type { Source } from "./source.ts";
import { through, whenReady } from "./through.ts";

/**
 * Groups of items. `close` is asked before an item joins the group so far; true makes it the last of it. What is left
 * at the end is a group too.
 */
export function bundle<T>(
  source: Source<T>,
  close: (chunk: T, accumulated: readonly T[]) => boolean | PromiseLike<boolean>,
): AsyncIterable<T[]> {
  return through(source, () => {
    let group: T[] = [];
    return {
      item: (item, emit) =>
        whenReady(close(item, group), (full) => {
          group.push(item);
          if (!full) return;
          emit(group);
          group = [];
        }),
      end(emit) {
        if (group.length > 0) emit(group);
      },
    };
  });
}
