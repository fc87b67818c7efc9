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
  const abort = whenAborted(signal);
  const aborted = abort.promise.then((): typeof ABORTED => ABORTED);
  let open = true;
  try {
    while (true) {
      signal.throwIfAborted();
      const next = iterator.next();
      const step = await Promise.race([next, aborted]);
      if (step === ABORTED) {
        next.catch(() => {}); // the source may still fail; nobody waits for it any more
        signal.throwIfAborted();
        return;
      }
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
    abort.dispose();
    if (open) void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
