import type { MessagePart } from "sluice/chat";
import { memo, type ReactNode } from "react";
import { runningState, type Turn } from "../chat/chat.ts";
import { answerText } from "../chat/question.ts";
import { KEY_REQUIRED } from "../chat/turn-error.ts";
import { CopyButton } from "./copy-button.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { Icon } from "./icon.tsx";
import { Markdown } from "./markdown.tsx";
import { Progress } from "./progress.tsx";
import { Reasoning } from "./reasoning.tsx";
import { Sources } from "./sources.tsx";
import { ToolCall } from "./tool-call.tsx";

interface AnswerProps {
  readonly turn: Turn;
  /** Only the last answer can be tried again. */
  readonly onRetry: (() => void) | undefined;
  readonly onRegenerate: (() => void) | undefined;
}

export const Answer = memo(function Answer({ turn, onRetry, onRegenerate }: AnswerProps): ReactNode {
  const { state, answer } = turn;
  const running = runningState(turn);
  const parts = answer?.parts ?? [];
  return (
    <div className="message answer" data-role="assistant" data-status={state.kind} aria-busy={running !== undefined}>
      <span className="sr-only">Answer: </span>
      {parts.map((part, index) => (
        <Part key={index} part={part} unfinished={answer?.status !== "finished" && index === parts.length - 1} />
      ))}
      <Sources parts={parts} />
      {running && <Progress state={running} started={parts.length > 0} />}
      {answer?.status === "aborted" && <p className="note">Stopped</p>}
      {answer?.finishReason === "length" && <p className="note">Cut off: the model reached its limit of length.</p>}
      {state.kind === "error" && state.error.code !== KEY_REQUIRED && (
        <ErrorNotice error={state.error} onRetry={onRetry} />
      )}
      {state.kind === "ready" && (
        <div className="actions">
          <CopyButton text={answerText(answer)} label="Copy answer" />
          {onRegenerate && (
            <button type="button" className="quiet" onClick={onRegenerate}>
              <Icon name="again" />
              Regenerate
            </button>
          )}
        </div>
      )}
    </div>
  );
});

interface PartProps {
  readonly part: MessagePart;
  /** More may come, or would have come: the answer was stopped or failed here. */
  readonly unfinished: boolean;
}

const Part = memo(function Part({ part, unfinished }: PartProps): ReactNode {
  if (part.type === "text") return <Markdown text={part.text} unfinished={unfinished || part.state === "streaming"} />;
  if (part.type === "reasoning") return <Reasoning text={part.text} streaming={part.state === "streaming"} />;
  if ("toolCallId" in part) return <ToolCall call={part} />;
  return null;
});
