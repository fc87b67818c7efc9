import type { Source } from "./source.ts";
import { each } from "./through.ts";

/** Where a flow ends, and what its caller gets of it. */
export interface Sink<T, R> {
  readonly transform: Transform<T>;
  /** Called after the last item; not after a failure, because a clean end would pass for the whole. */
  close(): unknown;
  readonly response: R;
}

/** Called with each item in turn. A promise is waited for before the next is pulled. */
export interface Transform<T> {
  (item: T): unknown;
  /**
   * A sink whose response is a stream is better at pulling for itself. It is given the items here, in place of calls of
   * `transform` and `close`, and reports their failure in its stream.
   */
  pullFrom?(items: AsyncIterable<T>): void;
}

/**
 * Resolves with the sink's response: when everything is drained and closed, or at once for a sink that pulls for
 * itself. Rejects, once, when the source fails or the sink throws; the source is left then.
 */
export async function drainTo<T, R>(source: Source<T>, { transform, close, response }: Sink<T, R>): Promise<R> {
  const items = each(source);
  if (transform.pullFrom !== undefined) {
    transform.pullFrom(items);
    return response;
  }
  for await (const item of items) await transform(item);
  await close();
  return response;
}
