import fc from "fast-check";
import { forbidStrayRejections, turns } from "../run/support.ts";

export { forbidStrayRejections, turns };

/** Every kind of value that an operator might take for something else. */
const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(0, "", null, undefined, false, Number.NaN),
  fc.integer(),
  fc.string({ maxLength: 3 }),
);

export const items: fc.Arbitrary<readonly unknown[]> = fc.array(anything, { maxLength: 20 });
export const numbers: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 20 });

/** A source that is watched. */
export interface Probe<T> extends AsyncIterable<T> {
  /** How often it was asked. */
  readonly pulls: number;
  readonly returns: number;
  /** How many of its iterators were made. */
  readonly opened: number;
}

export interface ProbeOptions {
  /** In place of the end. */
  readonly error?: Error;
  /** In place of the end: an answer that never comes. */
  readonly hangs?: boolean;
  /** In place of the answer to `return()`. */
  readonly onReturn?: () => Promise<void>;
}

export function probe<T>(values: readonly T[], { error, hangs, onReturn }: ProbeOptions = {}): Probe<T> {
  const seen = { pulls: 0, returns: 0, opened: 0 };
  return {
    get pulls() {
      return seen.pulls;
    },
    get returns() {
      return seen.returns;
    },
    get opened() {
      return seen.opened;
    },
    [Symbol.asyncIterator]() {
      seen.opened += 1;
      let at = 0;
      let open = true;
      return {
        async next() {
          if (!open) return { done: true, value: undefined };
          seen.pulls += 1;
          at += 1;
          const value = values[at - 1];
          if (at <= values.length) return { done: false, value: value as T };
          if (hangs === true) return new Promise(() => {});
          open = false;
          if (error !== undefined) throw error;
          return { done: true, value: undefined };
        },
        async return() {
          open = false;
          seen.returns += 1;
          await onReturn?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

export async function collect<T>(flow: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of flow) all.push(item);
  return all;
}

export interface Taken<T> {
  readonly items: readonly T[];
  readonly error?: unknown;
}

/** What came, and what it failed with. */
export async function outcome<T>(flow: AsyncIterable<T>): Promise<Taken<T>> {
  const all: T[] = [];
  try {
    for await (const item of flow) all.push(item);
  } catch (error) {
    return { items: all, error };
  }
  return { items: all };
}

/** The first `count` items; then the flow is left. */
export async function takeFirst<T>(flow: AsyncIterable<T>, count: number): Promise<T[]> {
  const all: T[] = [];
  if (count === 0) {
    await flow[Symbol.asyncIterator]().return?.();
    return all;
  }
  for await (const item of flow) {
    all.push(item);
    if (all.length === count) break;
  }
  return all;
}

/** At random at once or later. */
export function maybeLater<T>(later: boolean, value: T): T | Promise<T> {
  return later ? Promise.resolve(value) : value;
}
