import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";

interface HeaderProps {
  readonly demo: boolean;
  /** Undefined while there is nothing to leave. */
  readonly onNewChat: (() => void) | undefined;
}

export function Header({ demo, onNewChat }: HeaderProps): ReactNode {
  return (
    <header className="header">
      <h1>
        <img src="/favicon.svg" alt="" width="28" height="28" />
        Sluice
      </h1>
      {demo && (
        <span className="badge" title="No LLM is configured: the built-in demo model answers.">
          Demo model
        </span>
      )}
      <button type="button" className="new-chat" onClick={onNewChat} disabled={onNewChat === undefined}>
        <Icon name="plus" />
        New chat
      </button>
    </header>
  );
}
