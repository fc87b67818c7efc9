/** What the person asked, apart from how it should be answered. */
export interface DemoPrompt {
  /** Without hints, whitespace collapsed: it seeds the text. */
  readonly question: string;
  /** A few of its words, safe to put into Markdown; empty when there are none. */
  readonly topic: string;
  readonly hints: DemoHints;
  /** What was wrong with the hints, for the first line of the answer. */
  readonly complaints: readonly string[];
}

/**
 * Hints stand anywhere in the prompt as `key=value`; the last one of a key wins. A number outside its range is brought
 * into it, any other wrong value counts as not given; the answer says so.
 */
export interface DemoHints {
  /** Length of the answer, 1 to 1,000,000. Default 120, or what `fail-after` and `stall-after` need to be reached. */
  readonly words: number;
  /** Words per second, from 0.1. From 100,000 on, and for `rate=max`, nothing is paced. Default 40. */
  readonly rate: number;
  /** Milliseconds to the first event, 0 to 600,000. Default 250 to 450; 0 when nothing is paced. */
  readonly ttft?: number;
  /** Fails after this many words, from 0, those of the reasoning included. */
  readonly failAfter?: number;
  /** Hangs after this many words until it is aborted, from 0, those of the reasoning included. */
  readonly stallAfter?: number;
  /** `reasoning=on`, or just the word `reasoning`; `reasoning=off` beats the word. */
  readonly reasoning: boolean;
  readonly tool?: DemoTool;
  /** So many, 0 to 20, after the answer. Default 0; 3 with `tool=search`. */
  readonly sources?: number;
  /** A file after the answer: an image, or one to be downloaded. */
  readonly file?: "picture" | "table";
}

/** What becomes of a tool: an answer, several pieces of one in a step of their own, an error, no permission. */
export type DemoTool = "weather" | "search" | "broken" | "denied";

/** From this rate on nothing is paced. */
export const UNPACED_RATE = 100_000;

const MOST_WORDS = 1_000_000;
const DEFAULT_WORDS = 120;

export function parsePrompt(content: string): DemoPrompt {
  const given = new Map<string, string>();
  const question = content
    .replace(HINT, (_hint, key: string, value: string) => {
      given.set(key.toLowerCase(), value.replace(/[.,]+$/, "").toLowerCase());
      return " ";
    })
    .replace(/\s+/g, " ")
    .trim();

  const complaints: string[] = [];
  const number = (key: string, least: number, most: number): number | undefined => {
    const text = given.get(key)?.replaceAll(",", "");
    if (text === undefined) return undefined;
    const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    const range = key === "rate" ? `${least}, or max` : `${least} to ${most}`;
    const taken = Number.isNaN(value) ? undefined : Math.min(Math.max(value, least), most);
    if (taken !== value) complaints.push(`\`${key}\` takes a number from ${range}; I use ${taken ?? "the default"}.`);
    return taken;
  };
  const whole = (key: string, least: number, most: number = MOST_WORDS): number | undefined => {
    const value = number(key, least, most);
    return value === undefined ? undefined : Math.floor(value);
  };
  const choice = <T extends string>(key: string, values: readonly T[]): T | undefined => {
    const value = values.find((allowed) => allowed === given.get(key));
    if (value === undefined && given.has(key)) complaints.push(`\`${key}\` takes ${values.join(" or ")}; I ignore it.`);
    return value;
  };

  const words = whole("words", 1);
  const rate = given.get("rate") === "max" ? UNPACED_RATE : number("rate", 0.1, Number.MAX_SAFE_INTEGER);
  const ttft = number("ttft", 0, 600_000);
  const failAfter = whole("fail-after", 0);
  const stallAfter = whole("stall-after", 0);
  const reasoning = choice("reasoning", ["on", "off"]);
  const tool = choice("tool", ["weather", "search", "broken", "denied"]);
  const sources = whole("sources", 0, 20);
  const file = choice("file", ["picture", "table"]);
  return {
    question,
    topic: topicOf(question),
    complaints,
    hints: {
      words: words ?? Math.max(DEFAULT_WORDS, failAfter ?? 0, stallAfter ?? 0),
      rate: rate ?? 40,
      reasoning: reasoning === undefined ? /\breasoning\b/i.test(question) : reasoning === "on",
      ...(ttft !== undefined && { ttft }),
      ...(failAfter !== undefined && { failAfter }),
      ...(stallAfter !== undefined && { stallAfter }),
      ...(tool !== undefined && { tool }),
      ...(sources !== undefined && { sources }),
      ...(file !== undefined && { file }),
    },
  };
}

/** A value ends at whitespace and at most signs, so that a hint may stand in quotes, in brackets or before a comma. */
const HINT =
  /(?<![\w-])(words|rate|ttft|fail-after|stall-after|reasoning|tool|sources|file)=(\d{1,3}(?:,\d{3})+|[\w.+-]*)/gi;

const TOPIC_WORDS = 6;
const TOPIC_WORD_LENGTH = 24;

/** Letters, marks and digits only: what is left can open no Markdown, no HTML, no link and no direction override. */
function topicOf(question: string): string {
  const words = question
    .slice(0, 400)
    .replace(/[^\p{L}\p{M}\p{N}'’-]+/gu, " ")
    .replace(/(?<![\p{L}\p{M}\p{N}])['’-]+|['’-]+(?![\p{L}\p{M}\p{N}])/gu, " ")
    .split(" ")
    .filter((word) => word !== "");
  return words
    .slice(0, TOPIC_WORDS)
    .map((word) => Array.from(word).slice(0, TOPIC_WORD_LENGTH).join(""))
    .join(" ");
}
