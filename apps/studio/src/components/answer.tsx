import type { ChatAnswer } from "sluice/client";
import { memo, type ReactNode } from "react";
import { AnswerFooter } from "./answer-footer.tsx";
import { AnswerPart } from "./answer-part.tsx";
import { Outcome } from "./outcome.tsx";
import { Progress } from "./progress.tsx";
import { Sources } from "./sources.tsx";

export interface AnswerProps {
  readonly message: ChatAnswer;
  /** This page follows the run: more may come. Default: until the terminal is here. */
  readonly running?: boolean;
  /** Without it there is no button. Only the last answer of a thread can be asked for once more. */
  readonly onRegenerate?: (() => void) | undefined;
  /** Stands in place of the words for an answer that failed, for a page that can say more about it. */
  readonly notice?: ReactNode;
}

/** An answer with all that came in it, in the order in which it came. */
export const Answer = memo(function Answer({
  message,
  running = message.status === "streaming",
  onRegenerate,
  notice,
}: AnswerProps): ReactNode {
  const { parts } = message;
  return (
    <div className="message answer" data-role="assistant" data-status={message.status} aria-busy={running}>
      <span className="sr-only">Answer: </span>
      {parts.map((part, index) => (
        <AnswerPart
          key={index}
          part={part}
          isFirst={index === 0}
          isLast={index === parts.length - 1}
          finished={message.status === "finished"}
          running={running}
        />
      ))}
      <Sources parts={parts} />
      {running && <Progress last={parts.at(-1)} />}
      {!running && <Outcome message={message} notice={notice} />}
      {!running && <AnswerFooter message={message} onRegenerate={onRegenerate} />}
    </div>
  );
});
