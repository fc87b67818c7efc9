import type { MouseEvent, ReactNode } from "react";
import { Icon } from "./icon.tsx";
import { ThreadList } from "./thread-list.tsx";
import { Toast } from "./toast.tsx";
import type { Studio } from "../state/studio.ts";
import { useStore } from "../page/use-store.ts";

interface SidebarProps {
  readonly studio: Studio;
  /** Undefined while a new chat is open. */
  readonly openId: string | undefined;
  /** Somewhere was gone to. */
  readonly onLeave: () => void;
  /** The button that shows and hides it. */
  readonly toggle: ReactNode;
}

export function Sidebar({ studio, openId, onLeave, toggle }: SidebarProps): ReactNode {
  const { threads } = studio;
  const list = useStore(threads);

  const open = (id?: string): void => {
    studio.open(id);
    onLeave();
  };
  const goHome = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  };
  return (
    <nav className="sidebar" aria-label="Chats">
      <div className="sidebar-head">
        <a className="brand" href="/" onClick={goHome}>
          <img src="/favicon.svg" alt="" width="26" height="26" />
          Sluice
        </a>
        {toggle}
      </div>
      <button type="button" className="new-chat" onClick={() => open()}>
        <Icon name="plus" />
        New chat
      </button>
      <ThreadList
        list={list}
        openId={openId}
        onOpen={open}
        onRename={(id, title) => void threads.rename(id, title)}
        onRemove={studio.remove}
        onMore={() => void threads.loadMore()}
        onReload={() => void threads.refresh()}
      />
      <Toast threads={threads} />
    </nav>
  );
}
