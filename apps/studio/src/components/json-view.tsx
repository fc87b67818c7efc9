import { memo, useMemo, useRef, useState, type ReactNode } from "react";
import { ColouredCode } from "./code-block.tsx";
import { useOverflow } from "./scroll-area.tsx";

interface JsonViewProps {
  /** Heard by who comes there with a keyboard. */
  readonly label: string;
  /** A text is shown as it is, anything else as JSON. */
  readonly value: unknown;
}

const MOST_LINES = 16;
const MOST_CHARACTERS = 1_500;

/** Bounded: of a long one, the beginning, until all of it is asked for. */
export const JsonView = memo(function JsonView({ label, value }: JsonViewProps): ReactNode {
  const box = useRef<HTMLPreElement>(null);
  const scrolls = useOverflow(box);
  const [all, setAll] = useState(false);
  const text = useMemo(() => (typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "")), [value]);
  const language = typeof value === "string" ? undefined : "json";
  const short = useMemo(() => beginningOf(text), [text]);
  const isLong = short.length < text.length;
  return (
    <>
      <pre
        className="scroll-area value"
        dir={language === undefined ? "auto" : "ltr"}
        ref={box}
        {...(scrolls && { role: "region", "aria-label": label, tabIndex: 0 })}
      >
        <ColouredCode code={all ? text : short} language={language} />
        {isLong && !all && "…"}
      </pre>
      {isLong && (
        <button type="button" className="quiet" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show less" : `Show all (${text.length.toLocaleString("en")} characters)`}
        </button>
      )}
    </>
  );
});

function beginningOf(text: string): string {
  const lines = text.slice(0, MOST_CHARACTERS).split("\n");
  const short = lines.slice(0, MOST_LINES).join("\n");
  return text.length - short.length < 80 ? text : short;
}
