import { capital } from "./demo-sentences.ts";
import type { Scene } from "./demo-sentences.ts";
import { createDeck } from "./demo-random.ts";
import type { NonEmpty, SeededRandom } from "./demo-random.ts";
import {
  ARABIC,
  COMBINING_STEPS,
  EMOJI,
  HINDI_ITEMS,
  JAPANESE,
  JAPANESE_DAYS,
  QUALITIES,
  REMARKS,
  STEPS,
} from "./demo-words.ts";

/** A piece of Markdown. Each kind carries a script of its own, so that an answer with all kinds carries all scripts. */
export type Block = (scene: Scene, random: SeededRandom) => string;

/** The short ones, about 70 words together: the default answer shows a list, a table, code and four scripts. */
export const TOUR: NonEmpty<Block> = [bullets, vocabulary, code, quote];

export const BLOCKS: NonEmpty<Block> = [bullets, vocabulary, code, quote, steps, week];

function bullets(scene: Scene, random: SeededRandom): string {
  return [
    `- **The ${scene.part}**: ${random.pick(REMARKS)}`,
    `- ${random.pick(HINDI_ITEMS)}`,
    `- ${random.pick(EMOJI)} and ${random.pick(EMOJI)}`,
  ].join("\n");
}

function steps(scene: Scene, random: SeededRandom): string {
  const step = createDeck(STEPS, random);
  return [`1. Choose one ${scene.part}.`, `2. ${step()}`, `3. ${random.pick(COMBINING_STEPS)}`, `4. ${step()}`].join(
    "\n",
  );
}

function vocabulary(_scene: Scene, random: SeededRandom): string {
  const word = createDeck(JAPANESE, random);
  return table([["Word", "Japanese"], ["---", "---"], word(), word()]);
}

function week(scene: Scene, random: SeededRandom): string {
  const day = createDeck(JAPANESE_DAYS, random);
  const quality = createDeck(QUALITIES, random);
  const row = (): string[] => [day(), String(1 + random.int(99)), quality()];
  return table([["Day", capital(scene.parts), "Mood"], ["---", "---:", "---"], row(), row(), row()]);
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function quote(_scene: Scene, random: SeededRandom): string {
  const [arabic, english] = random.pick(ARABIC);
  return `> ${arabic} (${english})`;
}

function code(scene: Scene, random: SeededRandom): string {
  const [language, ...lines] = random.pick(SAMPLES)(scene, random);
  return [`\`\`\`${language}`, ...lines, "```"].join("\n");
}

type Sample = (scene: Scene, random: SeededRandom) => readonly [language: string, ...lines: string[]];

const SAMPLES: NonEmpty<Sample> = [
  (scene, random) => [
    "js",
    `function visit(${camel(scene.parts)}) {`,
    `  return ${camel(scene.parts)}.slice(0, ${2 + random.int(9)}).join(" · ");`,
    "}",
  ],
  (scene, random) => [
    "python",
    `def count(${camel(scene.parts)}):`,
    `    return len(${camel(scene.parts)}) >= ${1 + random.int(9)}`,
  ],
  (scene, random) => [
    "json",
    "{",
    `  "${camel(scene.parts)}": ${1 + random.int(999)},`,
    `  "mood": "${scene.quality}"`,
    "}",
  ],
  (scene) => ["sql", `SELECT COUNT(*) FROM ${camel(scene.parts)}`, `WHERE mood = '${scene.quality}';`],
];

function camel(words: string): string {
  return words.replace(/ ([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
