import { memo, type ReactNode } from "react";
import type { Definitions } from "../markdown/parse.ts";

/** What the raised numbers of a text stand for. */
export const Footnotes = memo(function Footnotes({ definitions }: { readonly definitions: Definitions }): ReactNode {
  const notes = [...definitions].filter(([label]) => label.startsWith("^"));
  if (notes.length === 0) return null;
  return (
    <ul className="footnotes" aria-label="Footnotes">
      {notes.map(([label, note]) => (
        <li key={label} dir="auto">
          <sup>{label.slice(1)}</sup> {note.target}
        </li>
      ))}
    </ul>
  );
});
