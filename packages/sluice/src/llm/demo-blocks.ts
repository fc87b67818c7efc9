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

/** A piece of Markdown of at most 55 words. Each carries a script of its own, so that long answers carry them all. */
export type Block = (scene: Scene, random: SeededRandom) => string;

export const BLOCKS: NonEmpty<Block> = [bullets, steps, table, quote, code];

function bullets(scene: Scene, random: SeededRandom): string {
  const quality = createDeck(QUALITIES, random);
  const remark = createDeck(REMARKS, random);
  return [
    `Some things to look for in ${scene.name}:\n`,
    `- **${capital(quality())} ${scene.parts}**: ${remark()}`,
    `- ${random.pick(HINDI_ITEMS)}`,
    `- **The ${quality()} ${scene.part}**: ${remark()}`,
    `- ${random.pick(EMOJI)} and ${random.pick(EMOJI)}, who came to see for themselves`,
  ].join("\n");
}

function steps(scene: Scene, random: SeededRandom): string {
  const step = createDeck(STEPS, random);
  return [
    `A way to begin with ${scene.one}:\n`,
    `1. Choose one ${scene.part}.`,
    `2. ${step()}`,
    `3. ${random.pick(COMBINING_STEPS)}`,
    `4. ${step()}`,
  ].join("\n");
}

function table(scene: Scene, random: SeededRandom): string {
  const rows = random.int(2) === 0 ? vocabulary(random) : week(scene, random);
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function vocabulary(random: SeededRandom): string[][] {
  const word = createDeck(JAPANESE, random);
  return [["Word", "Japanese", "Reading"], ["---", "---", "---"], [...word()], [...word()], [...word()]];
}

function week(scene: Scene, random: SeededRandom): string[][] {
  const day = createDeck(JAPANESE_DAYS, random);
  const quality = createDeck(QUALITIES, random);
  const row = (): string[] => [day(), String(1 + random.int(99)), quality()];
  return [["Day", capital(scene.parts), "Mood"], ["---", "---:", "---"], row(), row(), row()];
}

function quote(_scene: Scene, random: SeededRandom): string {
  const [arabic, english] = random.pick(ARABIC);
  return `> ${arabic}\n>\n> *${english}*, as an Arabic proverb has it.`;
}

function code(scene: Scene, random: SeededRandom): string {
  return random.pick(SAMPLES)(scene, random);
}

const SAMPLES: NonEmpty<Block> = [
  (scene, random) =>
    fenced("js", "The same thought as a function:", [
      `function visit(${camel(scene.parts)}) {`,
      `  const seen = ${camel(scene.parts)}.slice(0, ${2 + random.int(9)});`,
      `  return seen.map((one) => one.trim()).join(" · ");`,
      "}",
    ]),
  (scene, random) =>
    fenced("python", "Or, for those who prefer Python:", [
      `def count(${camel(scene.parts)}, least=${1 + random.int(9)}):`,
      `    kept = [one for one in ${camel(scene.parts)} if len(one) >= least]`,
      `    return len(kept), "of", len(${camel(scene.parts)})`,
    ]),
  (scene, random) =>
    fenced("json", "Written down as data:", [
      "{",
      `  "subject": "${scene.name}",`,
      `  "${camel(scene.parts)}": ${1 + random.int(999)},`,
      `  "mood": "${scene.quality}"`,
      "}",
    ]),
  (scene, random) =>
    fenced("sql", "A database would put it this way:", [
      `SELECT name, COUNT(*) AS ${camel(scene.parts)}`,
      `FROM ${camel(scene.name)}`,
      `WHERE mood = '${scene.quality}'`,
      `GROUP BY name HAVING COUNT(*) > ${1 + random.int(99)};`,
    ]),
  () =>
    fenced("sh", "To read an answer again, from the start or after an offset:", [
      "curl -N http://127.0.0.1:3000/runs/$RUN/events",
      `curl -N http://127.0.0.1:3000/runs/$RUN/events -H "Last-Event-ID: 212"`,
    ]),
];

function fenced(language: string, lead: string, lines: readonly string[]): string {
  return [lead, "", `\`\`\`${language}`, ...lines, "```"].join("\n");
}

function camel(words: string): string {
  return words.replace(/ ([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
