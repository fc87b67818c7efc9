import { useChat } from "sluice/react";
import { useCallback, useEffect, useState, type ReactNode, type RefObject } from "react";
import { useAttachments } from "../page/use-attachments.ts";
import { FINE_POINTER } from "../page/use-media.ts";
import { useStore } from "../page/use-store.ts";
import { charactersOfFiles, toChatFile } from "../state/attachments.ts";
import { needsKey } from "../state/error-advice.ts";
import { isRunning, type OpenChat, type Studio } from "../state/studio.ts";
import { Announcer } from "./announcer.tsx";
import { Composer } from "./composer.tsx";
import { ConnectionBar } from "./connection-bar.tsx";
import { Conversation } from "./conversation.tsx";
import { DropZone } from "./drop-zone.tsx";
import { EmptyState } from "./empty-state.tsx";
import { ErrorNotice } from "./error-notice.tsx";
import { KeyPrompt } from "./key-prompt.tsx";

interface ChatViewProps {
  readonly studio: Studio;
  readonly open: OpenChat;
  readonly textbox: RefObject<HTMLTextAreaElement | null>;
  /** Does not wait for the next attempt to connect. */
  readonly onConnect: () => void;
}

/** One chat: what was said, and where the next question is written. */
export function ChatView({ studio, open, textbox, onConnect }: ChatViewProps): ReactNode {
  const { chat, threadId, isNew } = open;
  const chatted = useChat({ chat });
  const { messages, status, stopping, error, connection, loading } = chatted;
  const snapshot = chat.getSnapshot();
  const { demo } = useStore(studio.registry);
  const locked = useStore(studio.threads).error?.needsKey === true || needsKey(error);
  const draftOf = isNew ? undefined : threadId;
  const [draft, setDraft] = useState(() => studio.drafts.get(draftOf));
  const attachments = useAttachments(charactersOfFiles(messages));
  const running = isRunning(status);

  const focus = useCallback(() => textbox.current?.focus(), [textbox]);
  const write = (text: string): void => {
    setDraft(text);
    studio.drafts.set(draftOf, text);
  };
  const send = (): void => {
    if (!studio.send(draft, attachments.list.map(toChatFile))) return;
    setDraft("");
    attachments.clear();
    focus();
  };
  const stop = (): void => {
    chat.stop();
    focus();
  };
  const regenerate = useCallback((): void => {
    studio.regenerate();
    focus();
  }, [studio, focus]);

  const notice =
    error === undefined ? undefined : needsKey(error) ? (
      <p className="note">This server answers with an API key only.</p>
    ) : (
      <ErrorNotice
        error={error}
        onRetry={() => {
          studio.retry();
          focus();
        }}
        onNewChat={() => studio.open()}
      />
    );

  useEffect(() => {
    // On a screen that is touched the keyboard would come up, and cover half of what was just opened.
    if (matchMedia(FINE_POINTER).matches) textbox.current?.focus();
  }, [textbox]);

  const empty = messages.length === 0 && !loading && error === undefined;
  return (
    <>
      {empty ? (
        <EmptyState
          demo={demo}
          onExample={(example) => {
            write(example);
            focus();
          }}
        />
      ) : (
        <Conversation snapshot={snapshot} onRegenerate={regenerate} notice={notice} />
      )}
      <footer className="dock">
        <ConnectionBar snapshot={{ connection, status }} onRetry={onConnect} />
        {locked && (
          <KeyPrompt
            onKey={async (key) => {
              await studio.enterKey(key);
              focus();
            }}
          />
        )}
        <Composer
          textbox={textbox}
          draft={draft}
          onDraft={write}
          attachments={attachments}
          running={running}
          stopping={stopping}
          onSend={send}
          onStop={stop}
        />
      </footer>
      <Announcer snapshot={snapshot} />
      <DropZone onFiles={attachments.add} />
    </>
  );
}
