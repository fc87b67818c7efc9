import type { Source } from "./source.ts";
import { through, whenReady, type Step } from "./through.ts";

/**
 * Each function may call `yieldData` any number of times, until it returns or its promise resolves. What `onFirstChunk`
 * and `onChunk` come to is the context of the next call; any value will do.
 */
export interface StatefulHandlers<T, Context, U> {
  onFirstChunk(chunk: T, yieldData: (data: U) => void): Context | PromiseLike<Context>;
  onChunk(chunk: T, context: Context, yieldData: (data: U) => void): Context | PromiseLike<Context>;
  /** After the last chunk. Not called when there was none, the source failed or the consumer left. */
  onClose?(lastChunk: T, context: Context, yieldData: (data: U) => void): unknown;
}

/** Zero or more items for each, with something remembered in between. */
export function statefulMap<T, Context, U = T>(
  source: Source<T>,
  handlers: StatefulHandlers<T, Context, U>,
): AsyncIterable<U> {
  return through(source, () => statefulStep(handlers));
}

function statefulStep<T, Context, U>(handlers: StatefulHandlers<T, Context, U>): Step<T, U> {
  let last: { readonly chunk: T; readonly context: Context } | undefined;
  return {
    item(chunk, emit) {
      const context =
        last === undefined ? handlers.onFirstChunk(chunk, emit) : handlers.onChunk(chunk, last.context, emit);
      return whenReady(context, (ready) => {
        last = { chunk, context: ready };
      });
    },
    end: (emit) => last && handlers.onClose?.(last.chunk, last.context, emit),
  };
}
