import { RuleType } from "markdown-to-jsx/react";
import { memo, type ReactNode } from "react";
import type { MarkdownNode } from "../markdown/parse.ts";
import { CodeBlock } from "./code-block.tsx";
import { isInline, renderInlines, type InlineNode, type NodeOf } from "./markdown-inline.tsx";
import { MarkdownTable } from "./markdown-table.tsx";

interface MarkdownBlockProps {
  readonly node: MarkdownNode;
  /** How many blocks it stands in. */
  readonly depth?: number;
}

/**
 * Every element and attribute that an answer can bring into the page is written out here, in the inline nodes and in
 * the table. A node that is the same object as before is not rendered again.
 */
export const MarkdownBlock = memo(function MarkdownBlock({ node, depth = 0 }: MarkdownBlockProps): ReactNode {
  return isInline(node) ? <p dir={directionAt(depth)}>{renderInlines([node])}</p> : renderBlock(node, depth);
});

/** The first letter decides, for a list and a quote as a whole: within them, a direction of its own would hide it. */
function directionAt(depth: number): "auto" | undefined {
  return depth === 0 ? "auto" : undefined;
}

function renderBlock(node: Exclude<MarkdownNode, InlineNode>, depth: number): ReactNode {
  const dir = directionAt(depth);
  switch (node.type) {
    case RuleType.paragraph:
      return <p dir={dir}>{renderInlines(node.children)}</p>;
    case RuleType.heading: {
      // The page's own heading stands above those of an answer.
      const Heading = (["h2", "h3", "h4", "h5", "h6", "h6"] as const)[node.level - 1] ?? "h6";
      return <Heading dir={dir}>{renderInlines(node.children)}</Heading>;
    }
    case RuleType.codeBlock:
      return <CodeBlock code={node.text} language={node.lang} />;
    case RuleType.blockQuote:
      return <Quote quote={node} depth={depth} />;
    case RuleType.orderedList:
      return (
        <ol start={node.start} dir={dir}>
          {renderItems(node.items, depth)}
        </ol>
      );
    case RuleType.unorderedList:
      return <ul dir={dir}>{renderItems(node.items, depth)}</ul>;
    case RuleType.table:
      return <MarkdownTable table={node} />;
    case RuleType.breakThematic:
      return <hr />;
    default:
      return null;
  }
}

/** Blocks within blocks beyond this are left out: nobody could read them, and the browser's layout has an end. */
const DEEPEST = 24;

function renderItems(items: readonly (readonly MarkdownNode[])[], depth: number): ReactNode {
  if (depth > DEEPEST) return null;
  return items.map((item, index) => <Item key={index} nodes={item} depth={depth + 1} />);
}

interface ItemProps {
  readonly nodes: readonly MarkdownNode[];
  readonly depth: number;
}

const Item = memo(function Item({ nodes, depth }: ItemProps): ReactNode {
  const blocks = blocksOf(nodes);
  const first = blocks[0]?.[0];
  const task = first?.type === RuleType.paragraph ? first.children[0] : first;
  return (
    <li data-task={task?.type === RuleType.gfmTask || undefined}>
      {blocks.map((block, index) => {
        const [node] = block;
        return node === undefined || isInline(node) ? (
          <p key={index}>{renderInlines(block)}</p>
        ) : (
          <MarkdownBlock key={index} node={node} depth={depth} />
        );
      })}
    </li>
  );
});

/**
 * Words that stand in an item by themselves are together a paragraph, as they are once a blank line follows in the
 * list: so a list that grows does not move when that line comes.
 */
function blocksOf(nodes: readonly MarkdownNode[]): readonly (readonly MarkdownNode[])[] {
  const blocks: MarkdownNode[][] = [];
  for (const node of nodes) {
    const last = blocks.at(-1);
    if (last?.[0] !== undefined && isInline(node) && isInline(last[0])) last.push(node);
    else blocks.push([node]);
  }
  return blocks;
}

interface QuoteProps {
  readonly quote: NodeOf<typeof RuleType.blockQuote>;
  readonly depth: number;
}

function Quote({ quote, depth }: QuoteProps): ReactNode {
  const { alert, children } = quote;
  if (depth > DEEPEST) return null;
  const kind = ALERTS.find((known) => known === alert?.toLowerCase());
  return (
    <blockquote dir={directionAt(depth)} data-alert={kind}>
      {kind && <p className="alert-title">{`${kind.charAt(0).toUpperCase()}${kind.slice(1)}`}</p>}
      {children.map((child, index) => (
        <MarkdownBlock key={index} node={child} depth={depth + 1} />
      ))}
    </blockquote>
  );
}

const ALERTS = ["note", "tip", "important", "warning", "caution"] as const;
