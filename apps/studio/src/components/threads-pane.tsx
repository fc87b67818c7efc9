import type { ReactNode } from "react";
import type { Studio } from "../state/studio.ts";
import { Icon } from "./icon.tsx";
import { Modal } from "./modal.tsx";
import { Sidebar } from "./sidebar.tsx";

interface ThreadsPaneProps {
  readonly studio: Studio;
  readonly openId: string | undefined;
  readonly as: "column" | "drawer";
  readonly onClose: () => void;
}

/** The list of chats: beside the chat, or above it where there is no room. */
export function ThreadsPane({ studio, openId, as, onClose }: ThreadsPaneProps): ReactNode {
  const toggle = <ThreadsToggle shown onToggle={onClose} />;
  if (as === "column") return <Sidebar studio={studio} openId={openId} onLeave={stay} toggle={toggle} />;
  return (
    <Modal label="Chats" className="drawer" onClose={onClose}>
      <Sidebar studio={studio} openId={openId} onLeave={onClose} toggle={toggle} />
    </Modal>
  );
}

interface ThreadsToggleProps {
  readonly shown: boolean;
  readonly onToggle: () => void;
}

export function ThreadsToggle({ shown, onToggle }: ThreadsToggleProps): ReactNode {
  const label = shown ? "Hide chats" : "Show chats";
  return (
    <button
      type="button"
      className="icon-button threads-toggle"
      aria-label={label}
      title={label}
      aria-expanded={shown}
      onClick={onToggle}
    >
      <Icon name="panel" />
    </button>
  );
}

function stay(): void {}
