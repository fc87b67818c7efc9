import { memo, useState, type ReactNode } from "react";
import { createStreamingParser } from "../markdown/streaming-parser.ts";
import { parseMarkdown, type MarkdownNode } from "../markdown/parse.ts";
import { renderNode } from "./markdown-node.tsx";

interface MarkdownProps {
  readonly text: string;
  readonly unfinished: boolean;
}

/**
 * An answer's text. While it grows, only its last block is parsed and rendered again; when it is complete it is
 * parsed as a whole.
 */
export const Markdown = memo(function Markdown({ text, unfinished }: MarkdownProps): ReactNode {
  const [parseGrowing] = useState(createStreamingParser);
  const nodes = unfinished ? parseGrowing(text) : parseMarkdown(text);
  return (
    <div className="markdown">
      {nodes.map((node, index) => (
        <Block key={index} node={node} />
      ))}
    </div>
  );
});

const Block = memo(function Block({ node }: { readonly node: MarkdownNode }): ReactNode {
  return renderNode(node);
});
