import { RuleType } from "markdown-to-jsx/react";

/**
 * A text in which the parser finds no HTML: a bracket that would begin a tag is another character until the tree is
 * there. So tags are words, wherever they stand and however much of them has come. Addresses in brackets stay.
 */
export function sealLiterals(text: string): string {
  return sealDeepBrackets(text.replaceAll(TAG_BRACKET, TAG));
}

/** Puts the characters back, in place. A `<br>` becomes a break. */
export function unsealLiterals(tree: unknown): void {
  if (typeof tree !== "object" || tree === null) return;
  if (Array.isArray(tree)) breakLines(tree);
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") Reflect.set(tree, key, unseal(value));
    else unsealLiterals(value);
  }
}

export function hasLiterals(text: string): boolean {
  return text.includes(TAG) || text.includes(DEEP);
}

// Noncharacters: no text has them.
const TAG = "\uFDD0";
const DEEP = "\uFDD1";

const TAG_BRACKET = /(?<!\\)<(?=[a-z/!?])(?![a-z][a-z\d+.-]{1,31}:[^\s<>]*>|[^\s<>@]+@[^\s<>]+>)/gi;

const DEEPEST = 32;

/** Links are looked for at each open bracket, which takes seconds where thousands of them are open at once. */
function sealDeepBrackets(text: string): string {
  let depth = 0;
  let isDeep = false;
  const sealed = text.replaceAll(/[[\]]|\n[ \t]*\n/g, (mark) => {
    if (mark === "[") {
      depth += 1;
      if (depth <= DEEPEST) return mark;
      isDeep = true;
      return DEEP;
    }
    depth = mark === "]" ? Math.max(depth - 1, 0) : 0;
    return mark;
  });
  return isDeep ? sealed : text;
}

function unseal(text: string): string {
  return text.replaceAll(TAG, "<").replaceAll(DEEP, "[");
}

const BREAK = new RegExp(`${TAG}br\\s*/?>`, "i");

function breakLines(nodes: unknown[]): void {
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node: unknown = nodes[index];
    if (!isText(node) || !BREAK.test(node.text)) continue;
    const lines = node.text.split(BREAK).map((text) => ({ type: RuleType.text, text }));
    nodes.splice(index, 1, ...lines.flatMap((line, at) => (at === 0 ? [line] : [{ type: RuleType.breakLine }, line])));
  }
}

function isText(node: unknown): node is { readonly text: string } {
  return typeof node === "object" && node !== null && "type" in node && node.type === RuleType.text;
}
