import { BLOCKS } from "./demo-blocks.ts";
import { createDeck } from "./demo-random.ts";
import type { SeededRandom } from "./demo-random.ts";
import { CLOSINGS, HEADINGS, OPENINGS, SENTENCES, THOUGHTS } from "./demo-sentences.ts";
import type { Scene } from "./demo-sentences.ts";
import { QUALITIES, SUBJECTS } from "./demo-words.ts";

export interface DemoText {
  /** Safe in Markdown; empty when the person said nothing that can be quoted. */
  readonly topic: string;
  /** Exactly as many, separated by whitespace. */
  readonly words: number;
  /** A sentence that the answer must hold, such as what a tool said. Left out when `words` has no room for it. */
  readonly fact?: string;
  readonly random: SeededRandom;
}

/** Markdown, a block at a time: memory is the same for ten words and for a million. */
export function* writeAnswer(text: DemoText): Generator<string> {
  const { random } = text;
  const writer = createWriter(text);
  yield* writer.put(opening(text));
  if (text.fact !== undefined) yield* writer.put(`\n\n${text.fact}`);
  if (writer.left >= HINTS_FROM) yield* writer.put(`\n\n${HINTS}`);

  const sentence = createDeck(SENTENCES, random);
  const heading = createDeck(HEADINGS, random);
  const block = createDeck(BLOCKS, random);
  const nextScene = sceneDeck(text);
  const paragraph = (scene: Scene, sentences: number): string =>
    Array.from({ length: sentences }, () => sentence()(scene)).join(" ");

  for (let section = 1; writer.left >= SECTION_FROM; section++) {
    const scene = nextScene();
    const title = section === 1 ? `Around ${scene.topic}` : `${section}. ${heading()(scene)}`;
    yield* writer.put(`\n\n## ${title}\n\n${paragraph(scene, 2)}`);
    // The first two sections show every kind of block, the later ones are mostly prose.
    const blocks = section === 1 ? 3 : 2;
    for (let count = 0; count < blocks; count++) {
      yield* writer.put(`\n\n${block()(scene, random)}`);
      if (section > 2) yield* writer.put(`\n\n${paragraph(scene, 3 + random.int(3))}`);
    }
  }

  const scene = nextScene();
  yield* writer.fill("\n\n", () => sentence()(scene));
}

/** What a model thinks before it answers: one plain paragraph, cut at the last word. */
export function* writeReasoning(text: DemoText): Generator<string> {
  const thought = createDeck(THOUGHTS, text.random);
  const nextScene = sceneDeck(text);
  for (let left = text.words; left > 0; ) {
    const words = thought()(nextScene()).split(" ");
    const kept = words.slice(0, left).join(" ");
    const space = left === text.words ? "" : " ";
    yield space + (words.length > left ? `${kept.replace(/\W+$/u, "")}…` : kept);
    left -= words.length;
  }
}

const HINTS =
  "You can steer me with hints in your prompt: `words=N` (length), `rate=N` (tokens per second), `ttft=N` " +
  "(milliseconds to the first token), `reasoning=N`, `tool=weather`, `fail-after=N` and `stall-after=N`.";

const HINTS_FROM = 45;
const SECTION_FROM = 30;

function opening(text: DemoText): string {
  if (text.words < 60) return OPENINGS[text.words] ?? OPENINGS.at(-1) ?? "";
  return (
    `This is Sluice's demo model: no LLM is configured, so what I write about ${quoted(text.topic)} is pleasant ` +
    "rather than true. Set `OPENAI_API_KEY` and a real model answers in my place."
  );
}

function quoted(topic: string): string {
  return topic === "" ? "your message" : `“${topic}”`;
}

function sceneDeck(text: DemoText): () => Scene {
  const { random } = text;
  const subject = createDeck(SUBJECTS, random);
  const quality = createDeck(QUALITIES, random);
  const topic = quoted(text.topic);
  return () => ({ ...subject(), quality: quality(), count: 3 + random.int(95), topic });
}

interface Writer {
  /** Words that are still to be written. */
  readonly left: number;
  /** The block, or nothing when it has more words than are left. */
  put(block: string): Generator<string>;
  /** Exactly the words that are left, in whole sentences. */
  fill(before: string, sentence: () => string): Generator<string>;
}

function createWriter(text: DemoText): Writer {
  let left = text.words;
  const put = function* (block: string): Generator<string> {
    const words = countWords(block);
    if (words > left) return;
    left -= words;
    yield block;
  };
  return {
    get left() {
      return left;
    },
    put,
    *fill(before, sentence) {
      let space = before;
      while (left > 0) {
        yield* put(space + fitting(left, sentence));
        space = " ";
      }
    },
  };
}

/** From here on two closings can not be told to fill the rest without being the same. */
const LONGEST_REST = 2 * (CLOSINGS.length - 1) - 1;

/** A sentence that leaves either nothing or a rest that sentences can fill. */
function fitting(left: number, sentence: () => string): string {
  const longest = CLOSINGS.length - 1;
  if (left > LONGEST_REST) {
    const next = sentence();
    return countWords(next) <= left - 3 ? next : (CLOSINGS[longest] ?? "");
  }
  // Two closings of different lengths, the shorter first.
  const length = left <= longest ? left : Math.ceil(left / 2) - 1;
  return CLOSINGS[length] ?? "";
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
