import { RuleType } from "markdown-to-jsx/react";
import { Fragment, type ReactNode } from "react";
import type { MarkdownNode } from "../markdown/parse.ts";
import { safeLink } from "../markdown/safe-link.ts";
import { CodeBlock } from "./code-block.tsx";
import { MarkdownTable } from "./markdown-table.tsx";

type NodeOf<Type extends MarkdownNode["type"]> = Extract<MarkdownNode, { readonly type: Type }>;

/** Every element and attribute that an answer can bring into the page is written out here. */
export function renderNode(node: MarkdownNode): ReactNode {
  return isInline(node) ? renderInline(node) : renderBlock(node);
}

function renderNodes(nodes: readonly MarkdownNode[]): ReactNode {
  return nodes.map((node, index) => <Fragment key={index}>{renderNode(node)}</Fragment>);
}

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

type InlineNode = NodeOf<(typeof INLINE)[number]>;

function isInline(node: MarkdownNode): node is InlineNode {
  return INLINE.some((type) => type === node.type);
}

function renderInline(node: InlineNode): ReactNode {
  switch (node.type) {
    case RuleType.text:
      return node.text;
    case RuleType.textFormatted:
      return renderFormatted(node);
    case RuleType.codeInline:
      return <code>{node.text}</code>;
    case RuleType.link:
      return <Link target={node.target}>{renderNodes(node.children)}</Link>;
    case RuleType.image:
      // Loading it would tell a stranger's server who reads this.
      return <Link target={node.target}>Image: {node.alt || "untitled"}</Link>;
    case RuleType.breakLine:
      return <br />;
    case RuleType.gfmTask:
      return <input type="checkbox" checked={node.completed} disabled aria-label={node.completed ? "Done" : "To do"} />;
    case RuleType.footnoteReference:
      return <sup>{node.text}</sup>;
  }
}

function renderBlock(node: Exclude<MarkdownNode, InlineNode>): ReactNode {
  switch (node.type) {
    case RuleType.paragraph:
      return <p dir="auto">{renderNodes(node.children)}</p>;
    case RuleType.heading: {
      // The page's own heading stands above those of an answer.
      const Heading = (["h2", "h3", "h4", "h5", "h6", "h6"] as const)[node.level - 1] ?? "h6";
      return <Heading dir="auto">{renderNodes(node.children)}</Heading>;
    }
    case RuleType.codeBlock:
      return <CodeBlock code={node.text} language={node.lang} />;
    case RuleType.blockQuote:
      return <blockquote dir="auto">{renderNodes(node.children)}</blockquote>;
    case RuleType.orderedList:
      return <ol start={node.start}>{renderItems(node.items)}</ol>;
    case RuleType.unorderedList:
      return <ul>{renderItems(node.items)}</ul>;
    case RuleType.table:
      return <MarkdownTable table={node} renderCell={renderNodes} />;
    case RuleType.breakThematic:
      return <hr />;
    case RuleType.refCollection:
      return <Footnotes refs={node.refs} />;
    default:
      return null;
  }
}

function renderFormatted({ tag, children }: NodeOf<typeof RuleType.textFormatted>): ReactNode {
  const content = renderNodes(children);
  switch (tag) {
    case "strong":
      return <strong>{content}</strong>;
    case "em":
      return <em>{content}</em>;
    case "del":
      return <del>{content}</del>;
    case "mark":
      return <mark>{content}</mark>;
    default:
      return content;
  }
}

function renderItems(items: readonly (readonly MarkdownNode[])[]): ReactNode {
  return items.map((item, index) => (
    <li key={index} dir="auto" data-task={item[0]?.type === RuleType.gfmTask || undefined}>
      {renderNodes(item)}
    </li>
  ));
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

function Footnotes({ refs }: Pick<NodeOf<typeof RuleType.refCollection>, "refs">): ReactNode {
  const notes = Object.entries(refs).filter(([label]) => label.startsWith("^"));
  if (notes.length === 0) return null;
  return (
    <ul className="footnotes">
      {notes.map(([label, note]) => (
        <li key={label} dir="auto">
          <sup>{label.slice(1)}</sup> {note.target}
        </li>
      ))}
    </ul>
  );
}
