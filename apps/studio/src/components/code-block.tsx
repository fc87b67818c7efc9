import { memo, useRef, useState, type ReactNode } from "react";
import type { CodeLine } from "../markdown/code-lines.ts";
import { CopyButton } from "./copy-button.tsx";
import { Icon } from "./icon.tsx";
import { useOverflow } from "./scroll-area.tsx";
import { useCodeColours } from "./use-code-colours.ts";

interface CodeBlockProps {
  readonly code: string;
  /** What stands behind the fence. */
  readonly language?: string | undefined;
}

export const CodeBlock = memo(function CodeBlock({ code, language }: CodeBlockProps): ReactNode {
  const box = useRef<HTMLPreElement>(null);
  const [wraps, setWraps] = useState(false);
  const overflows = useOverflow(box);
  const name = language || "text";
  return (
    <figure className="code" data-wraps={wraps || undefined}>
      <figcaption>
        <span>{name}</span>
        <span className="code-actions">
          {(overflows || wraps) && (
            <button type="button" className="quiet" aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
              <Icon name="wrap" />
              <span>Wrap</span>
            </button>
          )}
          <CopyButton text={code} label="Copy code" />
        </span>
      </figcaption>
      <pre
        className="scroll-area"
        dir="ltr"
        ref={box}
        {...(overflows && { role: "region", "aria-label": `Code: ${name}`, tabIndex: 0 })}
      >
        <ColouredCode code={code} language={language} />
      </pre>
    </figure>
  );
});

/** Code with its colours, or without while they are not there. */
export function ColouredCode({ code, language }: CodeBlockProps): ReactNode {
  const pieces = useCodeColours(code, language);
  return <code>{pieces === undefined ? code : pieces.map((lines, index) => <Piece key={index} lines={lines} />)}</code>;
}

const Piece = memo(function Piece({ lines }: { readonly lines: readonly CodeLine[] }): ReactNode {
  return (
    <span className="code-piece">
      {lines.map((line, index) => (
        <Line key={index} line={line} />
      ))}
    </span>
  );
});

const Line = memo(function Line({ line }: { readonly line: CodeLine }): ReactNode {
  return line.map(({ text, kind }, index) => (
    <span key={index} className={kind}>
      {text}
    </span>
  ));
});
