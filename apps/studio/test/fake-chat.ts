import type { Chat, ChatInput, ChatOptions, ChatSnapshot } from "sluice/client";

/** A chat whose state a test sets by hand. */
export interface FakeChat extends Chat {
  readonly options: ChatOptions;
  readonly calls: readonly string[];
  /** How many listen. */
  readonly listeners: number;
  set(some: Partial<ChatSnapshot>): void;
}

export function createFakeChat(options: ChatOptions): FakeChat {
  const listeners = new Set<() => void>();
  const calls: string[] = [];
  let snapshot: ChatSnapshot = {
    threadId: options.threadId ?? "",
    messages: [],
    status: "ready",
    stopping: false,
    connection: { status: "idle" },
    loading: false,
  };
  const set = (some: Partial<ChatSnapshot>): void => {
    snapshot = { ...snapshot, ...some };
    for (const listener of listeners) listener();
  };
  return {
    options,
    calls,
    set,
    get listeners() {
      return listeners.size;
    },
    getSnapshot: () => snapshot,
    getServerSnapshot: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    send(input, ask) {
      if (snapshot.status === "submitted" || snapshot.status === "streaming") return false;
      calls.push(`send ${textOf(input)} ${JSON.stringify(ask ?? {})}`);
      set({ status: "submitted" });
      return true;
    },
    stop: () => void calls.push("stop"),
    regenerate: (ask) => void calls.push(`regenerate ${JSON.stringify(ask ?? {})}`),
    retry: () => void calls.push("retry"),
    setMessages: (messages) => set({ messages }),
    save: () => void calls.push("save"),
    close: () => void calls.push("close"),
  };
}

function textOf(input: string | ChatInput): string {
  return typeof input === "string" ? input : input.text;
}
