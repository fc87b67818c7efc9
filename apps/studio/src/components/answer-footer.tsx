import type { ChatAnswer } from "sluice/client";
import type { ReactNode } from "react";
import { CopyButton } from "./copy-button.tsx";
import { Icon } from "./icon.tsx";

interface AnswerFooterProps {
  readonly message: ChatAnswer;
  readonly onRegenerate: (() => void) | undefined;
}

export function AnswerFooter({ message, onRegenerate }: AnswerFooterProps): ReactNode {
  const text = markdownOf(message);
  const facts = factsOf(message);
  if (text === "" && onRegenerate === undefined && facts.length === 0) return null;
  return (
    <div className="actions">
      {text !== "" && <CopyButton text={text} label="Copy answer" />}
      {onRegenerate && (
        <button type="button" className="quiet" onClick={onRegenerate}>
          <Icon name="again" />
          Regenerate
        </button>
      )}
      {facts.length > 0 && (
        <ul className="facts" aria-label="About this answer">
          {facts.map((fact) => (
            <li key={fact}>{fact}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** What was said, as it was written, without reasoning and tools. */
function markdownOf({ parts }: ChatAnswer): string {
  const texts = parts.map((part) => (part.type === "text" ? part.text.trim() : ""));
  return texts.filter((text) => text !== "").join("\n\n");
}

/** Which model, how much, how long: as far as the server said so. */
function factsOf({ usage, metadata }: ChatAnswer): readonly string[] {
  const model = field(metadata, "model") ?? field(field(metadata, "route"), "model");
  const duration = field(metadata, "durationMs");
  const facts = [
    typeof model === "string" ? model : undefined,
    usage?.inputTokens === undefined ? undefined : `${count(usage.inputTokens)} in`,
    usage?.outputTokens === undefined ? undefined : `${count(usage.outputTokens)} out`,
    usage?.reasoningTokens ? `${count(usage.reasoningTokens)} of it reasoning` : undefined,
    typeof duration === "number" ? seconds(duration) : undefined,
  ];
  return facts.filter((fact) => fact !== undefined);
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function count(tokens: number): string {
  return `${tokens.toLocaleString("en")} ${tokens === 1 ? "token" : "tokens"}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
