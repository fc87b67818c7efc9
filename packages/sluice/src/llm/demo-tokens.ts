import type { SeededRandom } from "./demo-random.ts";

/**
 * Cuts text as a language model's tokenizer would: words with their leading space, pieces of long words,
 * punctuation, line breaks. The pieces joined are the text, and none begins or ends inside a surrogate pair.
 */
export function* tokensOf(text: string, random: SeededRandom): Generator<string> {
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece.length <= LONGEST) yield piece;
    else yield* cut(piece, random);
  }
}

// Line breaks, then all but the last space of a run, then a word or a run of signs with the space before it.
const PIECE = /\n+| +(?= )| ?[\p{L}\p{M}\p{N}]+| ?[^\s\p{L}\p{M}\p{N}]+|\s/gu;

const LONGEST = 9;

function* cut(piece: string, random: SeededRandom): Generator<string> {
  const points = Array.from(piece);
  // Outside Latin script a token is one to three characters; inside, four to seven.
  const dense = (points.at(-1)?.codePointAt(0) ?? 0) > 0x2ff;
  for (let start = 0; start < points.length; ) {
    const length = dense ? 1 + random.int(3) : 4 + random.int(4);
    // A rest of one or two letters stays with the piece before it.
    const end = points.length - start - length <= 2 ? points.length : start + length;
    yield points.slice(start, end).join("");
    start = end;
  }
}
