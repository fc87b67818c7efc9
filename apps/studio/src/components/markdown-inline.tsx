import { RuleType } from "markdown-to-jsx/react";
import { Fragment, type ReactNode } from "react";
import type { MarkdownNode } from "../markdown/parse.ts";
import { safeImage, safeLink } from "../markdown/safe-link.ts";

export type NodeOf<Type extends MarkdownNode["type"]> = Extract<MarkdownNode, { readonly type: Type }>;

const INLINE = [
  RuleType.text,
  RuleType.textFormatted,
  RuleType.codeInline,
  RuleType.link,
  RuleType.image,
  RuleType.breakLine,
  RuleType.gfmTask,
  RuleType.footnoteReference,
] as const;

export type InlineNode = NodeOf<(typeof INLINE)[number]>;

export function isInline(node: MarkdownNode): node is InlineNode {
  return INLINE.some((type) => type === node.type);
}

/** Marks within marks beyond this are words only: the stack and the browser's layout have an end. */
const DEEPEST = 24;

/** The words of a block. What is no inline node has no place there, and is left out. */
export function renderInlines(nodes: readonly MarkdownNode[], depth = 0): ReactNode {
  if (depth > DEEPEST) return wordsOf(nodes);
  return nodes.map((node, index) => <Fragment key={index}>{isInline(node) && renderInline(node, depth + 1)}</Fragment>);
}

function renderInline(node: InlineNode, depth: number): ReactNode {
  switch (node.type) {
    case RuleType.text:
      return node.text;
    case RuleType.textFormatted:
      return renderFormatted(node, depth);
    case RuleType.codeInline:
      return <code>{node.text}</code>;
    case RuleType.link:
      return <Link target={node.target}>{renderInlines(node.children, depth)}</Link>;
    case RuleType.image:
      return <Image target={node.target} words={node.alt} />;
    case RuleType.breakLine:
      return <br />;
    case RuleType.gfmTask:
      return <input type="checkbox" checked={node.completed} disabled aria-label={node.completed ? "Done" : "To do"} />;
    case RuleType.footnoteReference:
      return <sup>{node.text}</sup>;
  }
}

function renderFormatted({ tag, children }: NodeOf<typeof RuleType.textFormatted>, depth: number): ReactNode {
  const content = renderInlines(children, depth);
  switch (tag) {
    case "strong":
      return <strong>{content}</strong>;
    case "em":
      return <em>{content}</em>;
    case "del":
      return <del>{content}</del>;
    case "mark":
      // No Markdown that models learn from: it is words about comparing.
      return <>=={content}==</>;
    default:
      return content;
  }
}

function Link({ target, children }: { readonly target: string | null; readonly children: ReactNode }): ReactNode {
  const href = safeLink(target);
  if (href === undefined) return children;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

function Image({ target, words }: { readonly target: string | null; readonly words: string | undefined }): ReactNode {
  const source = safeImage(target);
  if (source !== undefined) return <img src={source} alt={words ?? ""} loading="lazy" decoding="async" />;
  return <Link target={target}>Image: {words || "untitled"}</Link>;
}

/** Without recursion: it is for what is too deep for it. */
export function wordsOf(nodes: readonly MarkdownNode[]): string {
  const waiting = [...nodes].reverse();
  let words = "";
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if ("text" in node) words += node.text;
    else if ("children" in node && node.children) waiting.push(...[...node.children].reverse());
  }
  return words;
}
