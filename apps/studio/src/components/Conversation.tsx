import { useRef, type ReactNode } from "react";
import { runningState, type Turn } from "../chat/chat.ts";
import { useStickToEnd } from "../hooks/use-stick-to-end.ts";
import { Answer } from "./Answer.tsx";
import { Icon } from "./Icon.tsx";
import { Question } from "./Question.tsx";

interface ConversationProps {
  readonly turns: readonly Turn[];
  readonly onRetry: () => void;
  readonly onRegenerate: () => void;
}

export function Conversation({ turns, onRetry, onRegenerate }: ConversationProps): ReactNode {
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  // A new question is always brought into view, wherever the reader is.
  const { atEnd, goToEnd } = useStickToEnd(scroller, content, turns.at(-1)?.requestId);
  const last = turns.at(-1);

  return (
    <main className="conversation">
      <section className="scroller" ref={scroller} tabIndex={-1}>
        <div
          className="messages"
          ref={content}
          role="log"
          aria-label="Conversation"
          aria-busy={runningState(last) !== undefined}
        >
          {turns.map((turn, index) => {
            const isLast = turn === last;
            return (
              <article className="turn" key={index}>
                <Question turn={turn} />
                <Answer
                  turn={turn}
                  onRetry={isLast ? onRetry : undefined}
                  onRegenerate={isLast ? onRegenerate : undefined}
                />
              </article>
            );
          })}
        </div>
      </section>
      <p className="sr-only" role="status">
        {announcement(last)}
      </p>
      {!atEnd && (
        <button type="button" className="jump" onClick={goToEnd}>
          <Icon name="down" />
          Jump to latest
        </button>
      )}
    </main>
  );
}

/** For screen readers: the log is busy while tokens come, so that they are not read out one by one. */
function announcement(turn: Turn | undefined): string {
  switch (turn?.state.kind) {
    case undefined:
      return "";
    case "submitted":
    case "streaming":
      return "Answering";
    case "ready":
      return turn.answer?.status === "aborted" ? "Answer ended early" : "Answer complete";
    case "error":
      return "The answer failed";
  }
}
