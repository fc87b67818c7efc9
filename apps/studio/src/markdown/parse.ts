import { RuleType, parser, type MarkdownToJSX } from "markdown-to-jsx/react";
import { hasLiterals, sealLiterals, unsealLiterals } from "./literal.ts";

export type MarkdownNode = MarkdownToJSX.ASTNode;

export interface ParseOptions {
  /** More of the text will come: syntax that is open at its end is not shown as marks. */
  readonly unfinished?: boolean;
  /** What earlier parts of the text have defined. */
  readonly known?: Definitions;
}

export interface Parsed {
  readonly nodes: readonly MarkdownNode[];
  /** What links and footnotes refer to, of this text alone. */
  readonly definitions: Definitions;
}

/** By label; the label of a footnote begins with `^`. */
export type Definitions = ReadonlyMap<string, Definition>;

export interface Definition {
  readonly target: string;
  readonly title: string | undefined;
}

/** Markdown as a tree. HTML stays words; where links lead is for the renderer to judge. */
export function parseMarkdown(text: string, options: ParseOptions = {}): Parsed {
  if (text.trim() === "") return { nodes: [], definitions: NONE };
  try {
    return parse(text, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // Thousands of marks within each other are deeper than the stack.
    return { nodes: [{ type: RuleType.paragraph, children: [{ type: RuleType.text, text }] }], definitions: NONE };
  }
}

const NONE: Definitions = new Map();

function parse(text: string, { unfinished = false, known = NONE }: ParseOptions): Parsed {
  const sealed = sealLiterals(text);
  const tree = parser(`${preamble(sealed, known)}${sealed}`, {
    disableParsingRawHTML: true,
    disableFrontmatter: true,
    optimizeForStreaming: unfinished,
  });
  if (hasLiterals(sealed)) unsealLiterals(tree);
  const definitions = new Map<string, Definition>();
  const nodes: MarkdownNode[] = [];
  for (const node of tree) {
    if (node.type === RuleType.refCollection) {
      for (const [label, definition] of Object.entries(node.refs)) definitions.set(label, definition);
    } else if (!isTraceOfDefinition(node)) nodes.push(node);
  }
  for (const [label, { target }] of definitions) {
    if (target === UNDEFINED || label === END_LABEL || known.has(label)) definitions.delete(label);
  }
  return { nodes, definitions };
}

/** The parser leaves a node where a definition stood. It shows nothing. */
function isTraceOfDefinition({ type }: MarkdownNode): boolean {
  return type === RuleType.footnote || type === RuleType.ref;
}

const UNDEFINED = "\uFDD2";
const END_LABEL = "\uFDD3";

/**
 * Definitions for the parser alone: of what is known, and of footnotes whose text has not come. Without those a number
 * would be a mark again as soon as its paragraph is complete. The last one keeps indented lines from joining a footnote.
 */
function preamble(text: string, known: Definitions): string {
  const lines = Array.from(known, ([label, { target, title }]) =>
    label.startsWith("^") || /[<>\n]/.test(target) ? "" : `[${label}]: <${target}>${title ? ` "${title}"` : ""}`,
  );
  const defined = new Set(Array.from(text.matchAll(FOOTNOTE_TEXT), ([, label]) => label));
  const used = new Set(Array.from(text.matchAll(FOOTNOTE), ([, label]) => label));
  for (const label of used) if (!defined.has(label)) lines.push(`[^${label}]: ${UNDEFINED}`);
  const all = lines.filter((line) => line !== "");
  return all.length === 0 ? "" : `${all.join("\n")}\n[${END_LABEL}]: x\n\n`;
}

const FOOTNOTE = /\[\^([^\]\s]{1,40})\]/g;
const FOOTNOTE_TEXT = /^ {0,3}\[\^([^\]\s]{1,40})\]:/gm;
