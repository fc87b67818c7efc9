import { useState, type ReactElement } from "react";
import { useEventSource } from "sluice/react";

/** The document's chat (line 251) with its error handling (line 354). */
export function ChatStream({ conversationId }: { readonly conversationId: string }): ReactElement {
  const [content, setContent] = useState("");
  const [error, setError] = useState("");

  useEventSource(`/api/chat/conversations/${conversationId}/stream`, {
    onOpen: () => setError(""),
    onError: () => {
      // Handle connection error
      setError("Connection lost. Reconnecting...");
    },
    onMessage: (event) => {
      const data = JSON.parse(event.data);

      if (event.type === "chunk") {
        setContent((prev) => prev + data.content);
      } else if (event.type === "done") {
        // Stream complete
      } else if (event.type === "error") {
        setError(data.message);
      }
    },
  });

  return (
    <div>
      {content}
      {error && <p role="alert">{error}</p>}
    </div>
  );
}
