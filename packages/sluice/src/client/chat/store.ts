import type { Conversation } from "./conversation.ts";
import { coalesce, type Soon } from "./frames.ts";
import { snapshotOf, type Loading } from "./snapshot.ts";
import type { ChatSnapshot } from "./types.ts";

/** What a chat is, and what is shown of it. */
export interface Store {
  readonly conversation: Conversation;
  /** Published with the next frame. */
  change<A extends readonly unknown[]>(to: (conversation: Conversation, ...how: A) => Conversation, ...how: A): void;
  history: Loading;
  /** The thread's history is to come, and nothing of it was here before: the server knows better what was said. */
  unread: boolean;
  readonly snapshot: () => ChatSnapshot;
  readonly subscribe: (listener: () => void) => () => void;
  /** With the next frame. */
  publishSoon(): void;
  /** Now: a person has done something, or an answer is whole. */
  publish(): void;
}

/** @param refresh called before each publication: whatever has come since the last one is put in then, once */
export function createStore(initial: Conversation, soon: Soon, refresh: () => void): Store {
  const listeners = new Set<() => void>();
  const publishing = coalesce(soon, publish);
  let shown: { readonly conversation: Conversation; readonly history: Loading; readonly snapshot: ChatSnapshot };

  const store = {
    conversation: initial,
    change<A extends readonly unknown[]>(to: (conversation: Conversation, ...how: A) => Conversation, ...how: A): void {
      store.conversation = to(store.conversation, ...how);
      publishing.request();
    },
    history: { loading: false, error: undefined } as Loading,
    unread: false,
    snapshot: () => shown.snapshot,
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publishSoon: publishing.request,
    publish: publishing.flush,
  };
  shown = show();
  return store;

  function publish(): void {
    refresh();
    if (shown.conversation === store.conversation && shown.history === store.history) return;
    shown = show();
    for (const listener of listeners) listener();
  }

  function show(): typeof shown {
    const { conversation, history } = store;
    return { conversation, history, snapshot: snapshotOf(conversation, history) };
  }
}
