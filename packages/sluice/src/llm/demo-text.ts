import { BLOCKS, TOUR } from "./demo-blocks.ts";
import { createDeck } from "./demo-random.ts";
import type { SeededRandom } from "./demo-random.ts";
import { CLOSINGS, HEADINGS, OPENINGS, SENTENCES, THOUGHTS } from "./demo-sentences.ts";
import type { Scene } from "./demo-sentences.ts";
import { QUALITIES, SUBJECTS } from "./demo-words.ts";

export interface DemoAnswer {
  /** Safe in Markdown; empty when the person said nothing that can be quoted. */
  readonly topic: string;
  /** Exactly as many, separated by whitespace. */
  readonly words: number;
  /** Sentences for the first line, about hints that were not understood. */
  readonly complaints: readonly string[];
  /** What to begin with, such as what a tool said. */
  readonly facts?: readonly string[];
  readonly random: SeededRandom;
}

/** Markdown, a piece at a time: memory is the same for ten words and for a million. Pieces end with a word. */
export function* writeAnswer(answer: DemoAnswer): Generator<string> {
  const { random } = answer;
  let left = answer.words;
  /** The piece, or nothing when it has more words than are left. */
  const fitting = (piece: string): string => {
    const words = countWords(piece);
    if (words > left) return "";
    left -= words;
    return piece;
  };

  yield fitting(OPENINGS[answer.words] ?? OPENINGS.at(-1) ?? "");
  for (const complaint of answer.complaints) yield fitting(` ${complaint}`);
  for (const fact of answer.facts ?? []) yield fitting(`\n\n${fact}`);

  const nextScene = sceneDeck(answer.topic, random);
  const first = nextScene();
  yield fitting(`\n\n## About ${first.topic}`);
  for (const block of TOUR) yield fitting(`\n\n${block(first, random)}`);
  if (left >= HINTS_FROM) yield fitting(`\n\n${HINTS}`);

  const sentence = createDeck(SENTENCES, random);
  const heading = createDeck(HEADINGS, random);
  const block = createDeck(BLOCKS, random);
  for (let section = 2; left >= SECTION_FROM; section++) {
    const scene = nextScene();
    yield fitting(`\n\n## ${section}. ${heading()(scene)}\n\n${sentence()(scene)} ${sentence()(scene)}`);
    yield fitting(`\n\n${block()(scene, random)}`);
    yield fitting(`\n\n${sentence()(scene)} ${sentence()(scene)} ${sentence()(scene)}`);
  }

  let space = "\n\n";
  for (const scene = nextScene(); left > 0; space = " ") {
    yield fitting(space + lastSentence(left, () => sentence()(scene)));
  }
}

/** What a model thinks before it answers: one plain paragraph. */
export function* writeReasoning({ topic, random }: Pick<DemoAnswer, "topic" | "random">): Generator<string> {
  const thought = createDeck(THOUGHTS, random);
  const nextScene = sceneDeck(topic, random);
  for (let count = 0; count < 3; count++) yield (count === 0 ? "" : " ") + thought()(nextScene());
}

export function countWords(text: string): number {
  let words = 0;
  for (const _word of text.matchAll(/\S+/g)) words += 1;
  return words;
}

const HINTS =
  "Steer me with hints in your prompt: `words=400`, `rate=50` (words per second), `ttft=300` (milliseconds), " +
  "`reasoning`, `tool=weather`, `tool=search`, `sources=3`, `file=picture`, `fail-after=120` and `stall-after=120`.";

const HINTS_FROM = 45;

/** More than a heading and two of the longest sentences have, so that each section makes progress. */
const SECTION_FROM = 100;

function sceneDeck(topic: string, random: SeededRandom): () => Scene {
  const subject = createDeck(SUBJECTS, random);
  const quality = createDeck(QUALITIES, random);
  const quoted = topic === "" ? "your message" : `“${topic}”`;
  return () => ({ ...subject(), quality: quality(), count: 3 + random.int(95), topic: quoted });
}

/** A sentence that leaves either nothing or a rest that closings can fill. */
function lastSentence(left: number, sentence: () => string): string {
  const longest = CLOSINGS.length - 1;
  if (left < 2 * longest) {
    // Two closings of different lengths, the shorter first.
    return CLOSINGS[left <= longest ? left : Math.ceil(left / 2) - 1] ?? "";
  }
  const next = sentence();
  return countWords(next) <= left - 3 ? next : (CLOSINGS[longest - 1] ?? "");
}
