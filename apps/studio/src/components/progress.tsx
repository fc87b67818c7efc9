import type { MessagePart } from "sluice/chat";
import type { ReactNode } from "react";

/** While an answer runs, and nothing that stands there shows it by itself. What disturbs it is the page's to say. */
export function Progress({ last }: { readonly last: MessagePart | undefined }): ReactNode {
  return (
    <p className="progress" data-quiet={last !== undefined && showsItself(last)}>
      <span className="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
    </p>
  );
}

/** Words that come, and a tool at work, are seen to move. */
function showsItself(part: MessagePart): boolean {
  if ("toolCallId" in part) return part.state === "input-streaming" || part.state === "input-available";
  return (part.type === "text" || part.type === "reasoning") && "state" in part && part.state === "streaming";
}
