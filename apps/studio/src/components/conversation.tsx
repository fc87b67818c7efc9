import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { runningState, type Turn } from "../chat/chat.ts";
import { stickToEnd, type StickToEnd } from "../page/stick-to-end.ts";
import { Answer } from "./answer.tsx";
import { Icon } from "./icon.tsx";
import { Question } from "./question.tsx";

interface ConversationProps {
  readonly turns: readonly Turn[];
  readonly onRetry: () => void;
  readonly onRegenerate: () => void;
}

export function Conversation({ turns, onRetry, onRegenerate }: ConversationProps): ReactNode {
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticking = useRef<StickToEnd>(null);
  const [atEnd, setAtEnd] = useState(true);
  const last = turns.at(-1);

  useLayoutEffect(() => {
    if (scroller.current === null || content.current === null) return undefined;
    const started = stickToEnd(scroller.current, content.current, setAtEnd);
    sticking.current = started;
    return () => started.end();
  }, []);
  // A new question is brought into view, wherever the reader is.
  useLayoutEffect(() => sticking.current?.goToEnd(), [last?.requestId]);

  return (
    <main className="conversation">
      <section className="scroller" ref={scroller}>
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
      <output className="sr-only">{announcement(last)}</output>
      {!atEnd && (
        <button type="button" className="jump" onClick={() => sticking.current?.goToEnd()}>
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
