import type { ReactNode } from "react";

export function Reasoning({ text, streaming }: { readonly text: string; readonly streaming: boolean }): ReactNode {
  return (
    <details className="aside reasoning">
      <summary data-streaming={streaming}>{streaming ? "Thinking…" : "Reasoning"}</summary>
      <div className="aside-body" dir="auto">
        {text}
      </div>
    </details>
  );
}
