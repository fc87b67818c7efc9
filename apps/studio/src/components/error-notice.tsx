import type { ReactNode } from "react";
import type { TurnError } from "../chat/chat.ts";
import { Icon } from "./icon.tsx";

interface ErrorNoticeProps {
  readonly error: TurnError;
  readonly onRetry: (() => void) | undefined;
}

export function ErrorNotice({ error, onRetry }: ErrorNoticeProps): ReactNode {
  return (
    <div className="error" role="alert">
      <Icon name="alert" />
      <div>
        <p>{error.message}</p>
        <code>{error.code}</code>
      </div>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
