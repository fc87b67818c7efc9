import type { Rechunking } from "./rechunk.ts";

/** White space, and the scripts that are written without it: there any character may be the last of a word. */
const BOUNDARY = /[\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;

/**
 * For `rechunk`: text cut after white space only, so that no word is in two chunks. Nothing is trimmed or dropped: the
 * chunks joined are the text. A chunk waits until the word that it ends with is complete.
 */
export function ensureFullWords({ buffer, push, lastChunk, setBuffer }: Rechunking<string, string>): void {
  // What waited before the newest has no boundary in it. To look at it again would cost one long word its square.
  const newest = buffer.at(-1) ?? "";
  const end = lastChunk ? newest.length : lastBoundary(newest);
  if (end === 0 && !lastChunk) return;
  const text = buffer.slice(0, -1).join("") + newest.slice(0, end);
  if (text !== "") push(text);
  setBuffer([newest.slice(end)]);
}

/** The index after the last boundary of the text, 0 without one. */
function lastBoundary(text: string): number {
  let end = 0;
  for (const { 0: character, index } of text.matchAll(BOUNDARY)) end = index + character.length;
  return end;
}
