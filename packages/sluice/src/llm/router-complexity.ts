import type { ModelRequest } from "./types.ts";

/**
 * How hard the user's last message looks, from 0 to 1: a rule of thumb for English, which costs nothing. It adds
 * - 0.3 for length, reached at 300 words
 * - 0.15 for each word that asks for thinking ("why", "prove", "compare", "trade-off", …), up to 0.45
 * - 0.15 for code, 0.15 for a formula
 * - 0.1 for each further question or listed step, up to 0.3
 */
export function complexityOf({ messages }: Pick<ModelRequest, "messages">): number {
  const text = (messages.findLast(({ role }) => role === "user")?.content ?? "").slice(0, MOST_CHARACTERS);
  const words = count(text, /\S+/g);
  const thinking = new Set(Array.from(text.toLowerCase().matchAll(THINKING), ([word]) => word)).size;
  const parts = count(text, /\?/g) + count(text, /^[ \t]{0,20}(?:[-*]|\d{1,3}[.)])\s/gm);
  const sum =
    0.3 * Math.min(1, words / 300) +
    Math.min(0.45, 0.15 * thinking) +
    (CODE.test(text) ? 0.15 : 0) +
    (FORMULA.test(text) ? 0.15 : 0) +
    Math.min(0.3, 0.1 * Math.max(0, parts - 1));
  return Math.min(1, Math.round(sum * 1_000) / 1_000);
}

// A longer message is hard by its tokens alone.
const MOST_CHARACTERS = 20_000;

const THINKING =
  /\b(?:why|prove|proof|derive|compare|contrast|analy[sz]e|evaluate|design|architect\w*|optimi[sz]e|refactor|debug|trade-?offs?|step by step|explain how|implications?|strategy|plan)\b/g;
const CODE = /```|\bfunction\b.{0,80}\(|=>|[;{][ \t]{0,20}$|^[ \t]{0,20}(?:def|class|import|SELECT)\s/m;
const FORMULA = /[∑∫√≤≥≠∂∞]|\\(?:frac|sum|int|sqrt)\b|\b\w\s?[\^=]\s?-?\d|\d\s?[*/^]\s?\d/;

function count(text: string, pattern: RegExp): number {
  return Array.from(text.matchAll(pattern)).length;
}
