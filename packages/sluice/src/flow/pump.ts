import { asyncStatefulMap, type AsyncStatefulHandlers, type AsyncStatefulOptions } from "./async-stateful-map.ts";
import { batch } from "./batch.ts";
import { buffer, type BufferOptions } from "./buffer.ts";
import { bundle } from "./bundle.ts";
import { drain } from "./drain.ts";
import { drainTo, type Sink } from "./drain-to.ts";
import { filter } from "./filter.ts";
import { fork, type ForkOptions } from "./fork.ts";
import { map } from "./map.ts";
import { merge } from "./merge.ts";
import { onChunk } from "./on-chunk.ts";
import { onClose } from "./on-close.ts";
import { pace, type PaceOptions } from "./pace.ts";
import { rechunk, type RechunkHandler } from "./rechunk.ts";
import { sequenceStreams } from "./sequence-streams.ts";
import { slidingWindow } from "./sliding-window.ts";
import type { Source } from "./source.ts";
import { statefulMap, type StatefulHandlers } from "./stateful-map.ts";
import { each } from "./through.ts";
import { timeout, type TimeoutOptions } from "./timeout.ts";

/**
 * The functions of this folder as a chain. Nothing is pulled until the end of the chain is: `drain`, `drainTo` or
 * `for await`. Each method is the function of that name, with this as its source.
 */
export class Pump<T> implements AsyncIterable<T> {
  readonly #items: AsyncIterable<T>;

  constructor(source: Source<T>) {
    this.#items = each(source);
  }

  static from<T>(source: Source<T>): Pump<T> {
    return new Pump(source);
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#items[Symbol.asyncIterator]();
  }

  map<U>(turn: (item: T) => U | PromiseLike<U>): Pump<U> {
    return new Pump(map(this.#items, turn));
  }

  filter(keep: (item: T) => boolean | PromiseLike<boolean>): Pump<T> {
    return new Pump(filter(this.#items, keep));
  }

  statefulMap<Context, U = T>(handlers: StatefulHandlers<T, Context, U>): Pump<U> {
    return new Pump(statefulMap(this.#items, handlers));
  }

  asyncStatefulMap<Context, U = T>(
    handlers: AsyncStatefulHandlers<T, Context, U>,
    options?: AsyncStatefulOptions,
  ): Pump<U> {
    return new Pump(asyncStatefulMap(this.#items, handlers, options));
  }

  onChunk(look: (item: T) => unknown): Pump<T> {
    return new Pump(onChunk(this.#items, look));
  }

  onClose(close: (history: T[]) => unknown): Pump<T> {
    return new Pump(onClose(this.#items, close));
  }

  bundle(close: (chunk: T, accumulated: readonly T[]) => boolean | PromiseLike<boolean>): Pump<T[]> {
    return new Pump(bundle(this.#items, close));
  }

  batch(n: number): Pump<T[]> {
    return new Pump(batch(this.#items, n));
  }

  buffer(n: number, options?: BufferOptions): Pump<T> {
    return new Pump(buffer(this.#items, n, options));
  }

  rechunk<U = T>(handler: RechunkHandler<T, U>): Pump<U> {
    return new Pump(rechunk(this.#items, handler));
  }

  slidingWindow(size: number, step?: number): Pump<(T | undefined)[]> {
    return new Pump(slidingWindow(this.#items, size, step));
  }

  sequenceStreams<U>(this: AsyncIterable<Source<U>>): Pump<U> {
    return new Pump(sequenceStreams(this));
  }

  /** This and the others. */
  merge<U = T>(...others: Source<U>[]): Pump<T | U> {
    return new Pump(merge<T | U>([this.#items, ...others]));
  }

  timeout(ms: number, options?: TimeoutOptions): Pump<T> {
    return new Pump(timeout(this.#items, ms, options));
  }

  pace(options?: PaceOptions): Pump<T> {
    return new Pump(pace(this.#items, options));
  }

  fork(options?: ForkOptions): [Pump<T>, Pump<T>] {
    const [one, other] = fork(this.#items, options);
    return [new Pump(one), new Pump(other)];
  }

  drain(): Promise<void> {
    return drain(this.#items);
  }

  drainTo<R>(sink: Sink<T, R>): Promise<R> {
    return drainTo(this.#items, sink);
  }
}
