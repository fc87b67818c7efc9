import type { ChatError } from "sluice/client";
import type { ReactNode } from "react";
import { adviceFor } from "../state/error-advice.ts";
import { Icon } from "./icon.tsx";

interface ErrorNoticeProps {
  readonly error: ChatError;
  readonly onRetry: () => void;
  readonly onNewChat: () => void;
}

/** What went wrong, and what can be done. */
export function ErrorNotice({ error, onRetry, onNewChat }: ErrorNoticeProps): ReactNode {
  const { code, message } = error;
  const advice = adviceFor(error);
  const gone = code === "thread/not-found";
  return (
    <div className="error" role="alert">
      <Icon name="alert" />
      <div>
        <p>{message}</p>
        {advice !== undefined && <p className="advice">{advice}</p>}
        <code>{code}</code>
      </div>
      {gone ? (
        <button type="button" onClick={onNewChat}>
          New chat
        </button>
      ) : (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
