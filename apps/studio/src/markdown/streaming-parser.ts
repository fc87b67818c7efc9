import { lastBlockStart } from "./block-start.ts";
import { parseMarkdown, type MarkdownNode } from "./parse.ts";

/**
 * Parses a text that grows. What is settled is parsed once, so its nodes are the same objects the next time and need
 * no new rendering; only the last block is parsed again. Unfinished syntax at the end shows as plain words.
 * A text that does not continue the last one is parsed from its beginning.
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
      nodes = [...nodes, ...parseMarkdown(text.slice(settled.length, end))];
      settled = text.slice(0, end);
    }
    return [...nodes, ...parseMarkdown(text.slice(end), { unfinished: true })];
  };
}
