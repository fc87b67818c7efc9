import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";

interface HeaderProps {
  readonly title: string;
  /** Shows and hides the list of chats. Undefined where the list has its own. */
  readonly toggle: ReactNode;
  /** Undefined while there is nothing to leave, and where the list beside it has the button. */
  readonly onNewChat: (() => void) | undefined;
  readonly children: ReactNode;
}

export function Header({ title, toggle, onNewChat, children }: HeaderProps): ReactNode {
  return (
    <header className="header">
      {toggle}
      <h1 dir="auto" title={title}>
        {title}
      </h1>
      <div className="header-tools">
        {children}
        {onNewChat && (
          <button type="button" className="icon-button" aria-label="New chat" title="New chat" onClick={onNewChat}>
            <Icon name="plus" />
          </button>
        )}
      </div>
    </header>
  );
}
