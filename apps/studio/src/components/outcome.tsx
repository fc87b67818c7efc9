import type { FinishReason } from "sluice/chat";
import type { ChatAnswer } from "sluice/client";
import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";

interface OutcomeProps {
  /** Nothing more is expected of it here. */
  readonly message: ChatAnswer;
  readonly notice: ReactNode;
}

/** Says it when an answer is not what it looks like: whole. */
export function Outcome({ message, notice }: OutcomeProps): ReactNode {
  const { status, error, finishReason, parts } = message;
  switch (status) {
    case "failed":
      if (hasNotice(notice)) return notice;
      return (
        <div className="broken" role="note">
          <Icon name="alert" />
          <p>
            {parts.length === 0 ? "There is no answer." : "The answer broke off here."} {error?.message}
          </p>
          {error && <code>{error.code}</code>}
        </div>
      );
    case "streaming":
      if (hasNotice(notice)) return notice;
      return <p className="note">The rest of this answer has not arrived here.</p>;
    case "aborted":
      return <p className="note">{parts.length === 0 ? "Stopped before it began" : "Stopped"}</p>;
    case "finished": {
      const words = finishReason === undefined ? undefined : CUT_OFF[finishReason];
      if (words !== undefined) return <p className="note">{words}</p>;
      return parts.length === 0 ? <p className="note">The model answered nothing.</p> : null;
    }
  }
}

function hasNotice(notice: ReactNode): boolean {
  return notice !== undefined && notice !== null && notice !== false;
}

const CUT_OFF: Readonly<Partial<Record<FinishReason, string>>> = {
  length: "Cut off: the model reached its limit of length.",
  "content-filter": "Cut off: the provider’s filter stopped it.",
  "tool-calls": "The model waits for what its tools say.",
  error: "The model ended with an error.",
};
