import { RuleType, parser, type MarkdownToJSX } from "markdown-to-jsx/react";

export type MarkdownNode = MarkdownToJSX.ASTNode;

export interface ParseOptions {
  /** More of the text will come: syntax that is open at its end is not shown as marks. */
  readonly unfinished?: boolean;
}

/** Markdown as a tree. Raw HTML stays text; where links lead is for the renderer to judge. */
export function parseMarkdown(text: string, { unfinished = false }: ParseOptions = {}): readonly MarkdownNode[] {
  if (text.trim() === "") return [];
  const nodes = parser(text, {
    disableParsingRawHTML: true,
    disableFrontmatter: true,
    optimizeForStreaming: unfinished,
  });
  // The parser puts the definitions first: at the end they hold the footnotes, and the blocks keep their places.
  const isDefinitions = ({ type }: MarkdownNode): boolean => type === RuleType.refCollection;
  return [...nodes.filter((node) => !isDefinitions(node)), ...nodes.filter(isDefinitions)];
}
