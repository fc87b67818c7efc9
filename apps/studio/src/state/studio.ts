import type { Chat, ChatFile, ChatOptions, ChatSnapshot } from "sluice/client";
import { addressOf } from "../page/route.ts";
import { readRegistry, UNKNOWN_REGISTRY, type Registry } from "../server/registry.ts";
import { signIn } from "../server/session.ts";
import type { Server } from "../server/call.ts";
import { decoderFor } from "./dialect.ts";
import type { Drafts } from "./drafts.ts";
import type { SettingsStore } from "./settings.ts";
import { createStore, type Store } from "./store.ts";
import type { ThreadList } from "./thread-list.ts";
import { titleFrom } from "./turns.ts";
import type { WireLog } from "./wire-log.ts";

/** The chat on the screen. */
export interface OpenChat {
  readonly threadId: string;
  /** Nothing was asked in it yet, and no address names it. */
  readonly isNew: boolean;
  readonly chat: Chat;
  readonly wire: WireLog;
}

/** All that the page is about, without the page. */
export interface Studio {
  readonly current: Store<OpenChat>;
  readonly registry: Store<Registry>;
  readonly threads: ThreadList;
  readonly settings: SettingsStore;
  readonly drafts: Drafts;
  /** Opens a chat, or a new one. `stay`: the address has changed already. */
  readonly open: (threadId?: string, how?: "stay") => void;
  /** False when nothing was sent. */
  readonly send: (text: string, files?: readonly ChatFile[]) => boolean;
  readonly regenerate: () => void;
  /** After an answer that failed. */
  readonly retry: () => void;
  readonly setDialect: (dialect: string) => void;
  /** Takes a chat off the list, to be deleted soon. One that is open is left. */
  readonly remove: (threadId: string) => void;
  /** @throws as `call` */
  readonly enterKey: (key: string) => Promise<void>;
  /** The page goes away, perhaps to come back. */
  readonly leave: () => void;
}

export interface StudioOptions {
  readonly server: Server;
  readonly threads: ThreadList;
  readonly settings: SettingsStore;
  readonly drafts: Drafts;
  readonly createChat: (options: ChatOptions) => Chat;
  readonly createWireLog: () => WireLog;
  /** Of every chat: how it is kept, what wakes it. */
  readonly chatOptions?: ChatOptions;
  readonly newId: () => string;
  readonly navigate: (address: string, how: "push" | "replace") => void;
  /** What the address names at first. */
  readonly threadId?: string | undefined;
}

export function createStudio(options: StudioOptions): Studio {
  const { server, threads, settings, drafts, navigate, newId } = options;
  const registry = createStore(UNKNOWN_REGISTRY);
  let leaveChat = (): void => {};
  const current = createStore(begin(options.threadId));

  void readRegistry(server).then(registry.set);
  void threads.refresh();

  const studio: Studio = {
    current,
    registry,
    threads,
    settings,
    drafts,
    open(threadId, how) {
      const shown = current.getSnapshot();
      if (threadId === (shown.isNew ? undefined : shown.threadId)) return;
      leaveChat();
      current.set(begin(threadId));
      if (how !== "stay") navigate(addressOf(threadId), "push");
    },
    send(text, files = []) {
      const { chat, threadId, isNew } = current.getSnapshot();
      if (!chat.send({ text, files }, asked())) return false;
      threads.asked(threadId, titleFrom(text));
      drafts.set(isNew ? undefined : threadId, "");
      if (isNew) {
        current.set({ ...current.getSnapshot(), isNew: false });
        threads.setOpen(threadId);
        navigate(addressOf(threadId), "replace");
      }
      return true;
    },
    regenerate() {
      wantBack();
      current.getSnapshot().chat.regenerate(asked());
    },
    retry() {
      wantBack();
      current.getSnapshot().chat.retry();
    },
    setDialect(dialect) {
      if (dialect === settings.getSnapshot().dialect) return;
      settings.change({ dialect });
      // A chat has one wording for its life: this one is left and taken up again in the other.
      const { threadId, isNew } = current.getSnapshot();
      leaveChat();
      current.set(begin(isNew ? undefined : threadId, threadId));
    },
    remove(threadId) {
      threads.remove(threadId);
      if (current.getSnapshot().threadId === threadId) studio.open();
    },
    async enterKey(key) {
      await signIn(server, key);
      void readRegistry(server).then(registry.set);
      void threads.refresh();
      const { chat } = current.getSnapshot();
      if (chat.getSnapshot().error !== undefined) studio.retry();
    },
    leave() {
      current.getSnapshot().chat.save();
      void threads.flush({ leaving: true });
    },
  };
  return studio;

  /** Who asks there wants it back. */
  function wantBack(): void {
    if (threads.getSnapshot().removed?.id === current.getSnapshot().threadId) threads.undo();
  }

  function asked(): { readonly model?: string } {
    const { model } = settings.getSnapshot();
    return model !== undefined && registry.getSnapshot().models.includes(model) ? { model } : {};
  }

  function begin(named: string | undefined, threadId: string = named ?? newId()): OpenChat {
    const { dialect } = settings.getSnapshot();
    const wire = options.createWireLog();
    const decode = decoderFor(dialect);
    const chat = options.createChat({
      ...options.chatOptions,
      threadId,
      load: named !== undefined,
      onEvent: wire.add,
      ...(decode ? { dialect, decode } : {}),
    });
    threads.setOpen(named);
    const unsubscribe = watch(chat, threadId);
    leaveChat = () => {
      chat.save();
      unsubscribe();
      chat.close();
    };
    return { threadId, isNew: named === undefined, chat, wire };
  }

  /** The list follows what happens in the open chat without being asked. */
  function watch(chat: Chat, threadId: string): () => void {
    let before: ChatSnapshot["status"] = "ready";
    return chat.subscribe(() => {
      const { status } = chat.getSnapshot();
      if (status === before) return;
      before = status;
      threads.setRunning(threadId, isRunning(status));
      // The server knows it from the moment when it has accepted the question.
      if (status !== "submitted") void threads.refresh();
    });
  }
}

export function isRunning(status: ChatSnapshot["status"]): boolean {
  return status === "submitted" || status === "streaming";
}
