import type { ChatAnswer, ChatSnapshot } from "sluice/client";
import { useAutoScroll } from "sluice/react";
import { useCallback, useLayoutEffect, useRef, type ReactNode } from "react";
import { isRunning } from "../state/studio.ts";
import { turnsOf, type Turn } from "../state/turns.ts";
import { Answer } from "./answer.tsx";
import { Icon } from "./icon.tsx";
import { Question } from "./question.tsx";

interface ConversationProps {
  readonly snapshot: ChatSnapshot;
  readonly onRegenerate: () => void;
  /** What is to be said of the error, if there is one. */
  readonly notice: ReactNode;
}

export function Conversation({ snapshot, onRegenerate, notice }: ConversationProps): ReactNode {
  const { messages, status, loading } = snapshot;
  const { ref, isAtBottom, scrollToBottom } = useAutoScroll();
  const scroller = useRef<HTMLElement>(null);
  const turns = turnsOf(messages);
  const lastKey = turns.at(-1)?.key;
  const running = isRunning(status);

  const attach = useCallback(
    (box: HTMLElement | null): void => {
      scroller.current = box;
      ref(box);
    },
    [ref],
  );

  // A new question is brought into view, wherever the reader is.
  useLayoutEffect(() => scrollToBottom(), [lastKey, scrollToBottom]);

  // The button goes when it has done its work, and the focus would be nowhere: the keys scroll on from here.
  const jump = (): void => {
    scroller.current?.focus({ preventScroll: true });
    scrollToBottom({ behavior: "smooth" });
  };

  return (
    <main className="conversation">
      <h2 className="sr-only">Conversation</h2>
      <section className="scroller" ref={attach} aria-label="Conversation" tabIndex={-1}>
        <div className="messages" role="log" aria-label="Messages" aria-live="off" aria-busy={running || loading}>
          {turns.length === 0 && loading && <Loading />}
          {turns.map((turn) => {
            const isLast = turn.key === lastKey;
            return (
              <article className="turn" key={turn.key}>
                {turn.question && <Question message={turn.question} />}
                {turn.answers.map((answer, index) => {
                  const isNewest = isLast && index === turn.answers.length - 1;
                  return (
                    <Answer
                      key={answer.id}
                      message={answer}
                      running={isNewest && running}
                      onRegenerate={isNewest && status === "ready" ? onRegenerate : undefined}
                      notice={isNewest ? notice : undefined}
                    />
                  );
                })}
                {isLast && <Missing turn={turn} status={status} notice={notice} onRegenerate={onRegenerate} />}
              </article>
            );
          })}
          {turns.length === 0 && notice}
        </div>
      </section>
      {!isAtBottom && (
        <button type="button" className="jump" onClick={jump}>
          <Icon name="down" />
          Jump to latest
        </button>
      )}
    </main>
  );
}

interface MissingProps {
  readonly turn: Turn;
  readonly status: ChatSnapshot["status"];
  readonly notice: ReactNode;
  readonly onRegenerate: () => void;
}

/** In place of an answer of which nothing is here. */
function Missing({ turn, status, notice, onRegenerate }: MissingProps): ReactNode {
  if (turn.answers.length > 0 || turn.question === undefined) return null;
  if (status === "ready") {
    return (
      <div className="actions">
        <p className="note">Not answered</p>
        <button type="button" className="quiet" onClick={onRegenerate}>
          <Icon name="again" />
          Ask again
        </button>
      </div>
    );
  }
  const nothing: ChatAnswer = {
    id: `${turn.key}-answer`,
    role: "assistant",
    parts: [],
    content: "",
    status: status === "error" ? "failed" : "streaming",
  };
  return <Answer message={nothing} running={status !== "error"} notice={notice} />;
}

function Loading(): ReactNode {
  return (
    <div className="skeleton tall" role="img" aria-label="The chat is loading">
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}
