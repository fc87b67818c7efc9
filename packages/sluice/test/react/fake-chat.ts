import type { AskOptions, Chat, ChatInput, ChatSnapshot } from "../../src/client/chat/types.ts";

/** A chat that does nothing by itself, and keeps what is asked of it. */
export interface FakeChat extends Chat {
  readonly calls: readonly (readonly unknown[])[];
  readonly listeners: number;
  /** Tells all at once. */
  set(change: Partial<ChatSnapshot>): void;
}

export function createFakeChat(taken: () => boolean = () => true): FakeChat {
  const server: ChatSnapshot = {
    threadId: "thread_1",
    messages: [],
    status: "ready",
    stopping: false,
    connection: { status: "idle" },
    loading: false,
  };
  const calls: unknown[][] = [];
  const listeners = new Set<() => void>();
  let snapshot = server;
  const called =
    (name: string) =>
    (...given: readonly unknown[]): void => {
      calls.push([name, ...given]);
    };
  return {
    calls,
    get listeners() {
      return listeners.size;
    },
    set(change) {
      snapshot = { ...snapshot, ...change };
      for (const listener of listeners) listener();
    },
    getSnapshot: () => snapshot,
    getServerSnapshot: () => server,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    send(input: string | ChatInput, options?: AskOptions) {
      calls.push(["send", input, options]);
      return taken();
    },
    stop: called("stop"),
    regenerate: called("regenerate"),
    retry: called("retry"),
    setMessages: called("setMessages"),
    save: called("save"),
    close: called("close"),
  };
}
