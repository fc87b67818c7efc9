/** Anything that gives chunks one by one. */
export type ChunkSource<Chunk> = AsyncIterable<Chunk> | Iterable<Chunk> | ReadableStream<Chunk>;

/**
 * What is sent for a chunk: an object, or a text, which stands for `{delta: text}` and travels as it is, also when it is
 * empty or begins with a space. `null` and `undefined` send nothing.
 */
export type Transform<Chunk> = (chunk: Chunk) => unknown;

/** The data of a chunk's `update`, or undefined when nothing is sent for it. */
export function toUpdate(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? { delta: value } : value;
}

/** The chunks of a source in one shape. A list is read as its iterator is asked, never copied. */
export function toChunks<Chunk>(source: ChunkSource<Chunk>): AsyncIterable<Chunk> | ReadableStream<Chunk> {
  return isSyncIterable(source) ? oneByOne(source) : source;
}

async function* oneByOne<Chunk>(source: Iterable<Chunk>): AsyncGenerator<Chunk> {
  yield* source;
}

function isSyncIterable<Chunk>(source: ChunkSource<Chunk>): source is Iterable<Chunk> {
  const object: object = Object(source); // types promise much, and sources come from everywhere
  return Symbol.iterator in object && !(Symbol.asyncIterator in object);
}
