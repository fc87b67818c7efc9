import { useEffect, useState, type ReactNode } from "react";
import { Icon } from "./icon.tsx";

const SHOWN_MS = 2000;

interface CopyButtonProps {
  /** A function where it costs something to make. */
  readonly text: string | (() => string);
  readonly label: string;
}

export function CopyButton({ text, label }: CopyButtonProps): ReactNode {
  const [outcome, setOutcome] = useState<"copied" | "failed">();

  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setOutcome("copied");
    } catch {
      // Not a secure origin, or forbidden by the person.
      setOutcome("failed");
    }
  };

  const words = outcome === undefined ? "" : outcome === "copied" ? "Copied" : "Not allowed";
  return (
    <span className="copy">
      <button type="button" className="quiet" aria-label={label} onClick={() => void copy()}>
        <Icon name={outcome === "copied" ? "check" : "copy"} />
        <span aria-hidden="true">{words || "Copy"}</span>
      </button>
      {/* What stands within a button is not announced when it changes. */}
      <span className="sr-only" aria-live="polite">
        {words}
      </span>
    </span>
  );
}
