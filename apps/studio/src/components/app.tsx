import { Suspense, lazy, useCallback, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { applyTheme } from "../page/apply-theme.ts";
import type { Command } from "../page/shortcuts.ts";
import { WIDE, useMedia } from "../page/use-media.ts";
import { useShortcuts } from "../page/use-shortcuts.ts";
import { useStore } from "../page/use-store.ts";
import type { SettingsStore } from "../state/settings.ts";
import { isRunning, type OpenChat, type Studio } from "../state/studio.ts";
import { titleFrom } from "../state/turns.ts";
import { ChatView } from "./chat-view.tsx";
import { Header } from "./header.tsx";
import { Icon } from "./icon.tsx";
import { ModelChoice } from "./model-choice.tsx";
import { SettingsMenu } from "./settings-menu.tsx";
import { ThreadsPane, ThreadsToggle } from "./threads-pane.tsx";
import { Toast } from "./toast.tsx";

// Few want them, and then soon enough.
const WirePanel = lazy(async () => ({ default: (await import("./wire-panel.tsx")).WirePanel }));
const ShortcutsDialog = lazy(async () => ({ default: (await import("./shortcuts-dialog.tsx")).ShortcutsDialog }));

interface AppProps {
  readonly studio: Studio;
  /** Does not wait for the next attempt to connect. */
  readonly onConnect: () => void;
}

export function App({ studio, onConnect }: AppProps): ReactNode {
  const { settings } = studio;
  const open = useStore(studio.current);
  const { theme, sidebar, wirePanel } = useStore(settings);
  const wide = useMedia(WIDE);
  const title = useTitle(studio, open);
  const textbox = useRef<HTMLTextAreaElement>(null);
  const [drawer, setDrawer] = useState(false);
  const [help, setHelp] = useState(false);

  useEffect(() => applyTheme(document, theme), [theme]);
  useEffect(() => {
    document.title = open.isNew ? "Sluice" : `${title} · Sluice`;
  }, [open.isNew, title]);

  const run = useCallback(
    (command: Command): boolean => {
      switch (command) {
        case "new-chat":
          studio.open();
          textbox.current?.focus();
          return true;
        case "focus-composer":
          textbox.current?.focus();
          return true;
        case "stop": {
          const { chat } = studio.current.getSnapshot();
          if (!isRunning(chat.getSnapshot().status)) return false;
          chat.stop();
          return true;
        }
        case "previous-thread":
          return goTo(studio, -1);
        case "next-thread":
          return goTo(studio, 1);
        case "wire":
          settings.change({ wirePanel: !settings.getSnapshot().wirePanel });
          return true;
        case "shortcuts":
          setHelp(true);
          return true;
      }
    },
    [studio, settings],
  );
  useShortcuts(run);

  const openId = open.isNew ? undefined : open.threadId;
  const asColumn = wide && sidebar;
  const toggle = (): void => {
    if (!wide) return setDrawer(!drawer);
    settings.change({ sidebar: !sidebar });
    // The button that was pressed is gone; the other one is in its place.
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".threads-toggle")?.focus());
  };
  return (
    <div className="page" data-wire={wirePanel}>
      <a
        className="skip-link"
        href="#message"
        onClick={(event) => {
          event.preventDefault();
          textbox.current?.focus();
        }}
      >
        Skip to the message box
      </a>
      {asColumn && <ThreadsPane studio={studio} openId={openId} as="column" onClose={toggle} />}
      {!wide && drawer && <ThreadsPane studio={studio} openId={openId} as="drawer" onClose={() => setDrawer(false)} />}
      <div className="chat">
        <Header
          title={title}
          toggle={!asColumn && <ThreadsToggle shown={drawer} onToggle={toggle} />}
          onNewChat={asColumn || open.isNew ? undefined : () => studio.open()}
        >
          <ModelChoice studio={studio} />
          {wide && <WireToggle settings={settings} />}
          <SettingsMenu settings={settings} onShortcuts={() => setHelp(true)} />
        </Header>
        <ChatView key={open.threadId} studio={studio} open={open} textbox={textbox} onConnect={onConnect} />
      </div>
      <Suspense>
        {wirePanel && (
          <WirePanel studio={studio} wire={open.wire} onClose={() => settings.change({ wirePanel: false })} />
        )}
        {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
      </Suspense>
      {!asColumn && !drawer && <Toast threads={studio.threads} />}
    </div>
  );
}

function WireToggle({ settings }: { readonly settings: SettingsStore }): ReactNode {
  const { wirePanel } = useStore(settings);
  return (
    <button
      type="button"
      className="icon-button"
      aria-label="Raw events"
      title="Raw events"
      aria-pressed={wirePanel}
      onClick={() => settings.change({ wirePanel: !wirePanel })}
    >
      <Icon name="wave" />
    </button>
  );
}

/** The chat's own title, else its first question, else that it is new. */
function useTitle({ threads }: Studio, { chat, threadId, isNew }: OpenChat): string {
  const { threads: list } = useStore(threads);
  const firstQuestion = (): string => chat.getSnapshot().messages.find(({ role }) => role === "user")?.content ?? "";
  const asked = useSyncExternalStore(chat.subscribe, firstQuestion);
  return (isNew ? undefined : list.find(({ id }) => id === threadId)?.title) ?? titleFrom(asked);
}

/** The chat above or below in the list. */
function goTo(studio: Studio, by: 1 | -1): boolean {
  const { threads } = studio.threads.getSnapshot();
  const { threadId, isNew } = studio.current.getSnapshot();
  const at = isNew ? -1 : threads.findIndex(({ id }) => id === threadId);
  const next = threads[Math.max(at + by, -1)];
  if (at + by < 0) {
    if (isNew) return false;
    studio.open();
    return true;
  }
  if (next === undefined) return false;
  studio.open(next.id);
  return true;
}
