/** Resolves when the signal fires; never rejects. Use `dispose` to let go of a signal that outlives the wait. */
export interface AbortWait {
  readonly promise: Promise<void>;
  dispose(): void;
}

export function whenAborted(signal: AbortSignal): AbortWait {
  if (signal.aborted) return { promise: Promise.resolve(), dispose: () => {} };
  let dispose = (): void => {};
  const promise = new Promise<void>((resolve) => {
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    dispose = () => signal.removeEventListener("abort", onAbort);
  });
  return { promise, dispose };
}

const ABORTED: unique symbol = Symbol("aborted");

/**
 * Items of `source` until it ends or the signal fires, whichever comes first. On abort the generator throws the
 * signal's reason at once, also while the source hangs: `return()` of the source is called but not waited for.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let wake = (): void => {};
  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  let open = true;
  try {
    while (true) {
      signal.throwIfAborted();
      // No Promise.race with one promise for the signal: that would keep every item until the signal is let go of.
      const step = await new Promise<IteratorResult<T> | typeof ABORTED>((resolve, reject) => {
        wake = () => resolve(ABORTED);
        iterator.next().then(resolve, reject);
      });
      if (step === ABORTED) continue;
      if (step.done === true) {
        open = false;
        return;
      }
      yield step.value;
    }
  } catch (error) {
    if (!signal.aborted) open = false; // it failed by itself: nothing is left to return
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    if (open) void letGo(iterator);
  }
}

async function letGo(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Nobody listens to what it says any more.
  }
}
