import type { ChatSnapshot } from "sluice/client";
import { useEffect, useState, type ReactNode } from "react";
import { useNow } from "../page/use-now.ts";
import { connectionWords, resumedWords, type ConnectionWords } from "../state/connection-words.ts";
import { Icon } from "./icon.tsx";

interface ConnectionBarProps {
  readonly snapshot: Pick<ChatSnapshot, "connection" | "status">;
  /** Does not wait any longer. */
  readonly onRetry: () => void;
}

const RESUMED_MS = 5_000;
const TICK_MS = 250;

/** How the answer comes here, where that is worth a word. */
export function ConnectionBar({ snapshot, onRetry }: ConnectionBarProps): ReactNode {
  const { connection } = snapshot;
  const ticking = connection.status === "waiting" && connection.reason !== "offline";
  const now = useNow(ticking ? TICK_MS : undefined);
  const resumed = useResumed(connection);
  const words = connectionWords(snapshot, now) ?? (resumed > 0 ? resumedWords(resumed) : undefined);
  return (
    <>
      <p className="sr-only" aria-live="polite">
        {words?.spoken}
      </p>
      {words && <Bar words={words} state={connection.status} onRetry={onRetry} />}
    </>
  );
}

interface BarProps {
  readonly words: ConnectionWords;
  readonly state: string;
  readonly onRetry: () => void;
}

function Bar({ words: { tone, text, more, retry }, state, onRetry }: BarProps): ReactNode {
  return (
    <div className="connection" data-tone={tone} data-connection={state}>
      {tone === "ok" ? <Icon name="check" /> : <i className="connection-dot" />}
      <p>
        <strong>{text}</strong> {more}
      </p>
      {retry && (
        <button type="button" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}

/** How often the answer was taken up again, for a moment after each time. */
function useResumed(connection: ChatSnapshot["connection"]): number {
  const resumed = connection.status === "open" && !connection.shared ? connection.resumed : 0;
  const [shown, setShown] = useState(0);
  const [before, setBefore] = useState(resumed);
  // The connection is gone a moment after the last word: what was just said stays to be read.
  if (connection.status === "open" && resumed !== before) {
    setBefore(resumed);
    setShown(resumed > before ? resumed : 0);
  }
  useEffect(() => {
    if (shown === 0) return undefined;
    const timer = setTimeout(() => setShown(0), RESUMED_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return shown;
}
