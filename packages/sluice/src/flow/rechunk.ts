import type { Source } from "./source.ts";
import { through, type Done, type Step } from "./through.ts";

export interface Rechunking<T, U> {
  /** Every chunk since the last `setBuffer`, the new one at the end. To be changed in place if you like. */
  readonly buffer: T[];
  /** Hands a chunk on, when the handler is done. */
  readonly push: (chunk: U) => void;
  /** True for one last call, without a new chunk: what is left in the buffer then is dropped. */
  readonly lastChunk: boolean;
  readonly setBuffer: (buffer: T[]) => void;
}

/** A promise is waited for. */
export type RechunkHandler<T, U = T> = (rechunking: Rechunking<T, U>) => unknown;

/** Cuts the stream anew: the handler is called with each chunk, and once at the end. */
export function rechunk<T, U = T>(source: Source<T>, handler: RechunkHandler<T, U>): AsyncIterable<U> {
  return through(source, () => rechunkStep(handler));
}

function rechunkStep<T, U>(handler: RechunkHandler<T, U>): Step<T, U> {
  let buffer: T[] = [];
  const setBuffer = (given: T[]): void => {
    buffer = given;
  };
  const call = (push: (chunk: U) => void, lastChunk: boolean): Done => handler({ buffer, push, lastChunk, setBuffer });
  return {
    item(chunk, push) {
      buffer.push(chunk);
      return call(push, false);
    },
    end: (push) => call(push, true),
  };
}
