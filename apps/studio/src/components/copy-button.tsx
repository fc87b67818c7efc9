import { useEffect, useState, type ReactNode } from "react";
import { Icon } from "./icon.tsx";

const SHOWN_MS = 2000;

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [outcome, setOutcome] = useState<"copied" | "failed">();

  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      // Not a secure origin, or forbidden by the person.
      setOutcome("failed");
    }
  };

  return (
    <button type="button" className="quiet" aria-label={label} onClick={() => void copy()}>
      <Icon name={outcome === "copied" ? "check" : "copy"} />
      <span aria-live="polite">{outcome === undefined ? "Copy" : outcome === "copied" ? "Copied" : "Not allowed"}</span>
    </button>
  );
}
