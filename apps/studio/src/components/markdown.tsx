import { memo, useState, type ReactNode } from "react";
import type { MarkdownNode } from "../markdown/parse.ts";
import { createStreamingParser, type GrowingText } from "../markdown/streaming-parser.ts";
import { Footnotes } from "./markdown-footnotes.tsx";
import { MarkdownBlock } from "./markdown-node.tsx";

/** An answer's text. While it grows, only what has changed is rendered again, and what stands there stays there. */
export const Markdown = memo(function Markdown({ text, unfinished }: GrowingText): ReactNode {
  const [parse] = useState(createStreamingParser);
  const { nodes, definitions } = parse({ text, unfinished });
  return (
    <div className="markdown">
      {nodes.map((node: MarkdownNode, index) => (
        <MarkdownBlock key={index} node={node} />
      ))}
      <Footnotes definitions={definitions} />
    </div>
  );
});
