/** What the person asked, apart from how it should be answered. */
export interface DemoPrompt {
  /** Without hints, whitespace collapsed. Text depends on this and on `hints.words` and `hints.tool` only. */
  readonly question: string;
  /** A few of its words, safe to put into Markdown; empty when there are none. */
  readonly topic: string;
  readonly hints: DemoHints;
}

/**
 * Hints stand anywhere in the prompt as `key=value`, the last one of a key wins. Numbers outside the range are
 * brought into it; a value that is not a number, and a tool that does not exist, count as not given.
 */
export interface DemoHints {
  /** Length of the answer, 1 to 1,000,000; whitespace separates words. */
  readonly words?: number;
  /** Tokens per second, from 0.1. From 100,000 on nothing is paced. Default 40. */
  readonly rate: number;
  /** Milliseconds to the first token, 0 to 600,000. */
  readonly ttft?: number;
  /** Fails after this many tokens, from 0. Reasoning and tool input count too. */
  readonly failAfter?: number;
  /** Hangs after this many tokens until it is aborted, from 0. */
  readonly stallAfter?: number;
  /** Words of reasoning before the answer, 0 to 100,000. Default 0. */
  readonly reasoning: number;
  readonly tool?: "weather";
}

export const UNPACED_RATE = 100_000;

export function parsePrompt(content: string): DemoPrompt {
  const given = new Map<string, string>();
  const question = content
    .replace(HINT, (_hint, key: string, value: string) => {
      given.set(key.toLowerCase(), value);
      return " ";
    })
    .replace(/\s+/g, " ")
    .trim();

  const whole = (key: string, least: number, most: number): number | undefined => {
    const value = number(given.get(key), least, most);
    return value === undefined ? undefined : Math.floor(value);
  };
  const words = whole("words", 1, 1_000_000);
  const ttft = number(given.get("ttft"), 0, 600_000);
  const failAfter = whole("fail-after", 0, Number.MAX_SAFE_INTEGER);
  const stallAfter = whole("stall-after", 0, Number.MAX_SAFE_INTEGER);
  return {
    question,
    topic: topicOf(question),
    hints: {
      rate: number(given.get("rate"), 0.1, UNPACED_RATE) ?? 40,
      reasoning: whole("reasoning", 0, 100_000) ?? 0,
      ...(words !== undefined && { words }),
      ...(ttft !== undefined && { ttft }),
      ...(failAfter !== undefined && { failAfter }),
      ...(stallAfter !== undefined && { stallAfter }),
      ...(given.get("tool")?.toLowerCase() === "weather" && { tool: "weather" }),
    },
  };
}

const HINT = /(?<![\w-])(words|rate|ttft|fail-after|stall-after|reasoning|tool)=([\w.+-]*)/gi;

function number(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : Math.min(Math.max(value, least), most);
}

const TOPIC_WORDS = 8;
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
