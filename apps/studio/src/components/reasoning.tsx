import { memo, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { Icon } from "./icon.tsx";
import { Markdown } from "./markdown.tsx";

interface ReasoningProps {
  readonly text: string;
  readonly streaming: boolean;
}

/**
 * What the model thinks before it answers. It stands open while it comes, and closes when the answer begins, unless
 * the person has opened or closed it, or is reading in it. It scrolls in itself: the answer below hardly moves.
 */
export const Reasoning = memo(function Reasoning({ text, streaming }: ReasoningProps): ReactNode {
  const [chosen, setChosen] = useState<boolean>();
  const seconds = useSeconds(streaming, text.length);
  const open = chosen ?? streaming;
  return (
    <details
      className="aside reasoning"
      open={open}
      onToggle={(event) => {
        // Also tells of what was rendered: only the person makes a difference.
        if (event.currentTarget.open !== open) setChosen(event.currentTarget.open);
      }}
    >
      <summary data-streaming={streaming}>
        <Icon name="thought" />
        <span>{streaming ? "Thinking…" : titleFor(seconds)}</span>
      </summary>
      <Thoughts text={text} streaming={streaming} onRead={() => setChosen(true)} />
    </details>
  );
});

function titleFor(seconds: number | undefined): string {
  if (seconds === undefined) return "Thoughts";
  return `Thought for ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

interface ThoughtsProps extends ReasoningProps {
  /** The person has gone up in it. */
  readonly onRead: () => void;
}

const NEAR_PX = 24;

function Thoughts({ text, streaming, onRead }: ThoughtsProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    const element = box.current;
    if (element !== null && streaming && follows.current) element.scrollTop = element.scrollHeight;
  }, [text, streaming]);
  return (
    <div
      className="aside-body thoughts"
      dir="auto"
      ref={box}
      tabIndex={0}
      role="region"
      aria-label="Thoughts"
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        follows.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
        if (!follows.current) onRead();
      }}
    >
      <Markdown text={text} unfinished={streaming} />
    </div>
  );
}

/** A beginning as short was seen from its start. */
const BEGINNING = 200;

/** How long it took, for a page that saw all of it: nothing else tells. */
function useSeconds(streaming: boolean, length: number): number | undefined {
  const startedAt = useRef<number>(undefined);
  const [seconds, setSeconds] = useState<number>();
  const wasSeen = useRef(streaming && length < BEGINNING);
  useEffect(() => {
    if (!wasSeen.current) return;
    if (streaming) startedAt.current ??= performance.now();
    else if (startedAt.current !== undefined) setSeconds((performance.now() - startedAt.current) / 1_000);
  }, [streaming]);
  return seconds;
}
