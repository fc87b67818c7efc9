type AnyFunction = (...args: never[]) => unknown;

/**
 * A function that remembers how it was called. `expect(spy).toHaveBeenCalledWith(...)` of vitest and of Jest takes it
 * for one of their own; `calls` is for every other test runner.
 */
export interface Spy<F extends AnyFunction> {
  (...args: Parameters<F>): ReturnType<F>;
  /** The arguments of each call, in order. */
  readonly calls: readonly Parameters<F>[];
}

/** A spy whose calls are made through several functions. */
export interface SharedSpy<F extends AnyFunction> extends Spy<F> {
  /** Runs this, and is remembered here. */
  readonly as: (run: F) => (...args: Parameters<F>) => ReturnType<F>;
}

/** Spies that know which of them was called first, and forget together. */
export interface Spies {
  spy<F extends AnyFunction>(name: string, run: F): SharedSpy<F>;
  clear(): void;
}

export function createSpies(): Spies {
  const lists: unknown[][] = [];
  let count = 0;
  return {
    spy<F extends AnyFunction>(name: string, run: F): SharedSpy<F> {
      const calls: Parameters<F>[] = [];
      const results: Result[] = [];
      const invocationCallOrder: number[] = [];
      lists.push(calls, results, invocationCallOrder);
      const as: SharedSpy<F>["as"] =
        (inner) =>
        (...args) => {
          calls.push(args);
          invocationCallOrder.push((count += 1));
          try {
            const value = inner(...args) as ReturnType<F>;
            results.push({ type: "return", value });
            return value;
          } catch (error) {
            results.push({ type: "throw", value: error });
            throw error;
          }
        };
      // What the matchers look at. Nothing spied on here returns a promise, so nothing ever settles.
      const mock = { calls, results, invocationCallOrder, settledResults: [] };
      return Object.assign(as(run), { as, calls, mock, _isMockFunction: true, getMockName: () => name });
    },
    clear() {
      for (const list of lists) list.length = 0;
    },
  };
}

interface Result {
  readonly type: "return" | "throw";
  readonly value: unknown;
}
