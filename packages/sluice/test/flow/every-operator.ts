import {
  asyncStatefulMap,
  batch,
  buffer,
  bundle,
  filter,
  fork,
  map,
  merge,
  onChunk,
  onClose,
  pace,
  Pump,
  rechunk,
  sequenceStreams,
  slidingWindow,
  statefulMap,
  timeout,
  type Source,
} from "../../src/flow/index.ts";

export interface OperatorCase {
  /** Hands each item on as it is. */
  readonly over: <T>(source: Source<T>) => AsyncIterable<T>;
  /** How many items it may pull that the consumer has not asked for. */
  readonly ahead: number;
}

/** Each operator, set up to change nothing. */
export const everyOperator: Readonly<Record<string, OperatorCase>> = {
  map: { ahead: 0, over: (source) => map(source, (item) => item) },
  "map, later": { ahead: 0, over: (source) => map(source, async (item) => item) },
  filter: { ahead: 0, over: (source) => filter(source, () => true) },
  onChunk: { ahead: 0, over: (source) => onChunk(source, () => {}) },
  onClose: { ahead: 0, over: (source) => onClose(source, () => {}) },
  statefulMap: { ahead: 0, over: stateful },
  asyncStatefulMap: { ahead: 0, over: asyncStateful },
  bundle: { ahead: 0, over: (source) => flat(bundle(source, () => true)) },
  batch: { ahead: 0, over: (source) => flat(batch(source, 1)) },
  rechunk: {
    ahead: 0,
    over: (source) => rechunk(source, ({ buffer: chunks, push }) => chunks.splice(0).forEach(push)),
  },
  slidingWindow: { ahead: 0, over: (source) => flat(slidingWindow(source, 1)) },
  sequenceStreams: { ahead: 0, over: (source) => sequenceStreams([source]) },
  "sequenceStreams, outer": { ahead: 0, over: (source) => flat(map(source, (item) => [item])) },
  timeout: { ahead: 0, over: (source) => timeout(source, 60_000) },
  merge: { ahead: 0, over: (source) => merge([source]) },
  "merge, with another": { ahead: 1, over: (source) => merge([source, []]) },
  buffer: { ahead: 3, over: (source) => buffer(source, 3) },
  "buffer, filled first": { ahead: 3, over: (source) => buffer(source, 3, { startAt: 3 }) },
  pace: { ahead: 2, over: (source) => pace(source, { intervalMs: 0, ahead: 2 }) },
  fork: { ahead: 0, over: oneBranch },
  "a chain": {
    ahead: 0,
    over: (source) =>
      flat(
        Pump.from(source)
          .map((item) => item)
          .filter(() => true)
          .onChunk(() => {})
          .batch(1),
      ),
  },
};

function flat<T>(groups: AsyncIterable<readonly (T | undefined)[]>): AsyncIterable<T> {
  return sequenceStreams(groups) as AsyncIterable<T>;
}

function stateful<T>(source: Source<T>): AsyncIterable<T> {
  return statefulMap<T, null>(source, {
    onFirstChunk: (chunk, yieldData) => (yieldData(chunk), null),
    onChunk: (chunk, _, yieldData) => (yieldData(chunk), null),
  });
}

function asyncStateful<T>(source: Source<T>): AsyncIterable<T> {
  return asyncStatefulMap<T, null>(source, {
    onFirstChunk: (chunk, yieldData) => (yieldData(chunk), null),
    onChunk: (chunk, _, yieldData) => (yieldData(chunk), null),
    onClose: (_chunk, _context, _yieldData, unlockCloseEvent) => unlockCloseEvent(),
  });
}

/** The other branch is left before it begins. */
function oneBranch<T>(source: Source<T>): AsyncIterable<T> {
  const [one, other] = fork(source);
  void other.return?.();
  return one;
}
