import type { ReactElement } from "react";
import { useEventSource } from "sluice/react";

/** The document's quick start (line 37). */
export function ChatMessage(): ReactElement {
  const { data, error, isConnected } = useEventSource("/api/chat/conversations/123/stream");

  return (
    <div aria-busy={isConnected} title={error?.message}>
      {data?.content}
    </div>
  );
}
