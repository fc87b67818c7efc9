import { RuleType, parser, type MarkdownToJSX } from "markdown-to-jsx/react";

export type MarkdownNode = MarkdownToJSX.ASTNode;

/**
 * Parses a text that grows. What is settled is parsed once, so its nodes are the same objects the next time and need
 * no new rendering; only the last block is parsed again. Unfinished syntax at the end shows as plain words.
 * A text that is not the last one, continued, is parsed from its beginning.
 */
export function createStreamingParser(): (text: string) => readonly MarkdownNode[] {
  let settled = "";
  let nodes: readonly MarkdownNode[] = [];
  return (text) => {
    if (!text.startsWith(settled)) {
      settled = "";
      nodes = [];
    }
    const end = lastBlockStart(text, settled.length);
    if (end > settled.length) {
      nodes = [...nodes, ...parse(text.slice(settled.length, end))];
      settled = text.slice(0, end);
    }
    return [...nodes, ...parse(text.slice(end), { optimizeForStreaming: true })];
  };
}

/** Parses a text that is complete. Only here references find definitions that stand far from them. */
export function parseMarkdown(text: string): readonly MarkdownNode[] {
  return parse(text);
}

// Raw HTML stays text. Link targets are judged where they are rendered.
const SAFE = { disableParsingRawHTML: true, ignoreHTMLBlocks: true, disableFrontmatter: true, forceBlock: true };

function parse(text: string, options: { readonly optimizeForStreaming?: boolean } = {}): readonly MarkdownNode[] {
  if (text.trim() === "") return [];
  return parser(text, { ...SAFE, ...options }).filter(({ type }) => !DEFINITIONS.includes(type));
}

const DEFINITIONS: readonly number[] = [RuleType.refCollection, RuleType.ref, RuleType.footnote];

/** Where the last block that cannot belong to what stands before it starts, at or after `from`, itself such a place. */
function lastBlockStart(text: string, from: number): number {
  let start = from;
  let fence: string | undefined;
  let afterBlank = false;
  for (let at = from; at < text.length; ) {
    const lineEnd = text.indexOf("\n", at);
    const line = text.slice(at, lineEnd < 0 ? text.length : lineEnd);
    if (fence === undefined && afterBlank && STARTS_BLOCK.test(line)) start = at;
    fence = fenceAfter(line, fence);
    afterBlank = fence === undefined && line.trim() === "";
    if (lineEnd < 0) break;
    at = lineEnd + 1;
  }
  return start;
}

// Not indented, no list item and nothing that may become one with the next character.
const STARTS_BLOCK = /^(?:[^\s\d*+-]|\*\*[^*\s])/;

/** The fence of the code block that the next line stands in. */
function fenceAfter(line: string, open: string | undefined): string | undefined {
  const fence = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
  const marks = fence?.[1] ?? "";
  if (marks === "") return open;
  if (open === undefined) return marks;
  const closes = marks[0] === open[0] && marks.length >= open.length && fence?.[2]?.trim() === "";
  return closes ? undefined : open;
}
