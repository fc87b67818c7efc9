import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { runningState } from "../chat/chat.ts";
import type { Connection } from "../chat/follow.ts";
import { isDemo, signIn } from "../chat/server.ts";
import type { ChatStore } from "../chat/store.ts";
import { KEY_REQUIRED } from "../chat/turn-error.ts";
import { Composer } from "./composer.tsx";
import { Conversation } from "./conversation.tsx";
import { EmptyState } from "./empty-state.tsx";
import { Header } from "./header.tsx";
import { KeyPrompt } from "./key-prompt.tsx";

interface AppProps {
  readonly store: ChatStore;
  readonly connection: Connection;
}

export function App({ store, connection }: AppProps): ReactNode {
  const chat = useSyncExternalStore(store.subscribe, store.snapshot);
  const [demo, setDemo] = useState(false);
  const [draft, setDraft] = useState("");
  const textbox = useRef<HTMLTextAreaElement>(null);

  useEffect(() => void isDemo(connection).then(setDemo), [connection]);

  const last = chat.turns.at(-1);
  const running = runningState(last);
  const needsKey = last?.state.kind === "error" && last.state.error.code === KEY_REQUIRED;

  const focus = (): void => textbox.current?.focus();
  const ask = (question: string): void => {
    store.ask(question);
    setDraft("");
    focus();
  };
  const stop = (): void => {
    store.stop();
    focus();
  };
  const again = (): void => {
    store.retry();
    focus();
  };
  const regenerate = (): void => {
    store.regenerate();
    focus();
  };
  const startNew = (): void => {
    store.startNew();
    focus();
  };
  const enterKey = async (key: string): Promise<void> => {
    await signIn(connection, key);
    void isDemo(connection).then(setDemo);
    again();
  };
  const takeExample = (example: string): void => {
    setDraft(example);
    focus();
  };

  return (
    <div className="page">
      <Header demo={demo} onNewChat={chat.turns.length === 0 ? undefined : startNew} />
      {last === undefined ? (
        <EmptyState demo={demo} onExample={takeExample} />
      ) : (
        <Conversation key={chat.threadId} turns={chat.turns} onRetry={again} onRegenerate={regenerate} />
      )}
      <footer className="dock">
        {needsKey && <KeyPrompt onKey={enterKey} />}
        <Composer textbox={textbox} draft={draft} onDraft={setDraft} running={running} onAsk={ask} onStop={stop} />
      </footer>
    </div>
  );
}
