import { sleep } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import { waitingClock } from "../flow/clock.ts";
import { seededRandom } from "../llm/demo-random.ts";
import type { NonEmpty, SeededRandom } from "../llm/demo-random.ts";

export interface TokenStreamOptions {
  /** Default 100. */
  readonly count?: number;
  /** After each token but the last. Default 10. */
  readonly delayMs?: number;
  /**
   * Makes text and delays vary: words of many lengths and scripts, line breaks, what looks like SSE or Markdown; delays
   * from none to twice `delayMs`. The same seed gives the same stream.
   */
  readonly seed?: string | number;
  /** Default: the system's, with timers that keep the process alive, so that a script gets to the end of the stream. */
  readonly clock?: Clock;
}

export interface TestToken {
  /** From 0. */
  readonly index: number;
  /** `Token 0` and so on; with a seed as a model would say it, the space before a word included. */
  readonly text: string;
  /** When it was made: `2026-11-21 14:05:09`, in UTC. */
  readonly timestamp: string;
}

/** A stream to test streaming with: known tokens at a steady pace, or with a seed at a varying one. */
export async function* tokenStream(options: TokenStreamOptions = {}): AsyncGenerator<TestToken> {
  const { count = 100, delayMs = 10, seed, clock = waitingClock } = options;
  const random = seed === undefined ? undefined : seededRandom(`tokens ${seed}`);
  for (let index = 0; index < count; index += 1) {
    if (index > 0 && delayMs > 0) await sleep(clock, random ? random.int(2 * delayMs + 1) : delayMs);
    const text = random ? variedToken(random, index) : `Token ${index}`;
    yield { index, text, timestamp: dateTime(clock.now()) };
  }
}

function variedToken(random: SeededRandom, index: number): string {
  const before = index === 0 ? "" : random.int(12) === 0 ? "\n\n" : " ";
  return before + random.pick(TOKENS);
}

// Of one byte to four a character, with joined and combining ones, and lines that a careless encoder takes for its own.
const TOKENS: NonEmpty<string> = [
  "a",
  "the",
  "water",
  "answer,",
  "unfathomable",
  "**bold**",
  "`code`",
  "data: 1",
  "event: done",
  "\r\nid: 7",
  '"quoted"',
  "\\u0041",
  "[DONE]",
  "naïve",
  "e\u0301te\u0301",
  "Ωmega",
  "привет",
  "水の流れ",
  "مرحبا",
  "👩‍🚀",
  "𝒳𝒴",
  "\u2028",
];

function dateTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
