/** Numbers that depend on the seed alone. Not for secrets. */
export interface SeededRandom {
  /** From 0 (included) to 1 (excluded). */
  float(): number;
  /** A whole number from 0 to `limit - 1`. */
  int(limit: number): number;
  pick<T>(list: NonEmpty<T>): T;
}

export type NonEmpty<T> = readonly [T, ...T[]];

/** The same seed gives the same numbers on every machine: FNV-1a over the text, then mulberry32. */
export function seededRandom(seed: string): SeededRandom {
  let state = hash(seed);
  const float = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (limit: number): number => Math.floor(float() * limit);
  return { float, int, pick: (list) => list[int(list.length)] ?? list[0] };
}

/** Deals the items in random order, all of them before any comes again. */
export function createDeck<T>(items: NonEmpty<T>, random: SeededRandom): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...items];
    const [dealt] = left.splice(random.int(left.length), 1);
    return dealt ?? items[0];
  };
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}
