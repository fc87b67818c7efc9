import type { ReactElement } from "react";
import { useAutoScroll, useChat } from "sluice/react";

/** The document's hook (line 87), with its three UI patterns: optimistic updates, auto-scroll, a stop button. */
export function Chat(): ReactElement {
  const { messages, input, handleInputChange, handleSubmit, isLoading, stop, error } = useChat();
  const { ref, isAtBottom, scrollToBottom } = useAutoScroll();

  // 'messages' updates automatically as chunks arrive
  return (
    <main>
      <div ref={ref} style={{ height: 300, overflowY: "auto" }}>
        {messages.map(({ id, role, content }) => (
          <p key={id} className={role}>
            {content}
          </p>
        ))}
      </div>
      {!isAtBottom && <button onClick={() => scrollToBottom({ behavior: "smooth" })}>To the end</button>}
      {error && <p role="alert">{error.message}</p>}
      <form onSubmit={handleSubmit}>
        <input value={input} onChange={handleInputChange} aria-label="Message" />
        {isLoading ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="submit">Send</button>
        )}
      </form>
    </main>
  );
}
