import { memo, type ReactNode } from "react";
import type { Turn } from "../chat/chat.ts";

/** It is `ready` once the server has it, whatever becomes of the answer. */
export const Question = memo(function Question({ turn }: { readonly turn: Turn }): ReactNode {
  return (
    <div
      className="message question"
      data-role="user"
      data-status={turn.state.kind === "submitted" ? "submitted" : "ready"}
    >
      <span className="sr-only">You: </span>
      <div className="bubble" dir="auto">
        {turn.question}
      </div>
    </div>
  );
});
