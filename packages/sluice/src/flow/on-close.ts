import type { Source } from "./source.ts";
import { through } from "./through.ts";

/**
 * Called once with all items when the last has gone on, before the consumer learns of the end, which waits for the
 * promise. Not called when the source fails or the consumer leaves. Keeps every item until then.
 */
export function onClose<T>(source: Source<T>, close: (history: T[]) => unknown): AsyncIterable<T> {
  return through(source, () => {
    const history: T[] = [];
    return {
      item(item, emit) {
        history.push(item);
        emit(item);
      },
      end: () => close(history),
    };
  });
}
