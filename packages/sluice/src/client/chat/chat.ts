import { randomId, systemRandom } from "../../base/id.ts";
import { waitingClock } from "../wait.ts";
import {
  CONNECTING,
  asked,
  find,
  isOpen,
  replaced,
  retried,
  withoutPast,
  type Conversation,
  type Turn,
} from "./conversation.ts";
import { nextFrame } from "./frames.ts";
import { withRun } from "./history.ts";
import { browserPage } from "./page.ts";
import { bodyOf, createQuestion } from "./question.ts";
import { browserStorage, loadConversation, saveConversation } from "./saved.ts";
import { openSession, storageKey, type Session } from "./session.ts";
import { snapshotOf } from "./snapshot.ts";
import { createStore } from "./store.ts";
import type { AskOptions, Chat, ChatMessage, ChatOptions, ChatQuestion } from "./types.ts";

/**
 * A conversation with a server of Sluice, for pages and for programs. Made without a look at the network: that begins
 * with the first subscription or question, and ends with `close`.
 */
export function createChat(options: ChatOptions = {}): Chat {
  const { clock = waitingClock, random = systemRandom, page = browserPage, onAbort = "leave", signal } = options;
  const storage = options.storage === undefined ? browserStorage() : options.storage;
  const key = storageKey(options);
  const kept = storage === null ? undefined : loadConversation(storage, key);
  const store = createStore(initialConversation(options, kept, random), options.nextFrame ?? nextFrame, () =>
    session?.refresh(),
  );
  const rendered = snapshotOf(
    { threadId: options.threadId ?? "", messages: options.messages ?? [], turns: [] },
    store.history,
  );
  store.unread = options.load === true && store.conversation.messages.length === 0;
  let session: Session | undefined;
  let unsubscribe: (() => void) | undefined;

  signal?.addEventListener("abort", close, { once: true });

  return {
    getSnapshot: store.snapshot,
    getServerSnapshot: () => rendered,
    subscribe(listener) {
      open();
      return store.subscribe(listener);
    },
    send(input, ask = {}) {
      if (isBusy()) return false;
      const requestId = randomId("req", random);
      const question = createQuestion(input, requestId);
      return question !== undefined && begin(question, store.conversation.messages, ask);
    },
    stop() {
      for (const { requestId } of store.conversation.turns.filter(isOpen)) open()?.stop(requestId);
      save();
      store.publish();
    },
    regenerate,
    retry() {
      const last = store.conversation.turns.at(-1);
      if (isBusy()) return;
      if (last === undefined) {
        if (store.history.error !== undefined) void open()?.load();
      } else if (last.error?.retry === "new-run") regenerate(last.ask);
      else {
        const live = open();
        if (live === undefined) return;
        store.change(retried, last.requestId);
        live.begin(last.requestId);
        store.publish();
      }
    },
    setMessages(messages) {
      if (isBusy()) return;
      store.unread = false;
      store.change(replaced, messages);
      save();
      store.publish();
    },
    save,
    close,
  };

  function begin(
    question: ChatQuestion,
    history: readonly ChatMessage[],
    ask: AskOptions,
    again?: ChatQuestion,
  ): boolean {
    const live = open();
    const { requestId } = question;
    if (live === undefined || requestId === undefined) return false;
    const { threadId } = store.conversation;
    const posted = { requestId, threadId, body: options.body, ask, again: again !== undefined };
    const turn: Turn = {
      requestId,
      at: clock.now(),
      body: bodyOf(store.unread ? [] : history, question, posted),
      ask,
      status: "submitted",
      stopping: false,
      connection: CONNECTING,
      ...(again && {
        replaces: {
          id: again.id,
          // Where the earlier asking was refused, the server has the one before.
          runId: again.runId ?? find(store.conversation, again.requestId ?? "")?.replaces?.runId,
        },
      }),
    };
    store.change(asked, turn, question);
    // Before anything is sent: whenever this page goes away, the next one has the key.
    save();
    live.begin(requestId);
    store.publish();
    return true;
  }

  function regenerate(ask: AskOptions = {}): void {
    const { messages } = store.conversation;
    const index = messages.findLastIndex(({ role }) => role === "user");
    const last = messages[index];
    if (isBusy() || last === undefined || last.role === "assistant") return;
    const { runId: _before, ...question } = last;
    begin({ ...question, requestId: randomId("req", random), status: "pending" }, messages.slice(0, index), ask, last);
  }

  /** Undefined when this chat was left for good. */
  function open(): Session | undefined {
    if (signal?.aborted === true) return undefined;
    unsubscribe ??= page.subscribe(onPage);
    session ??= openSession({ chat: options, store, clock, random, page, save });
    return session;
  }

  function onPage(event: "hidden" | "left" | "shown"): void {
    if (event === "shown") {
      // Out of the back/forward cache there is no session.
      if (session === undefined) open();
      else session.attend();
      return;
    }
    save();
    if (event === "left") leave();
  }

  function close(): void {
    save();
    unsubscribe?.();
    unsubscribe = undefined;
    leave();
  }

  function leave(): void {
    session?.close(onAbort === "stop");
    session = undefined;
  }

  function isBusy(): boolean {
    return store.conversation.turns.some(isOpen);
  }

  function save(): void {
    session?.refresh();
    if (storage !== null) saveConversation(storage, key, store.conversation);
  }
}

function initialConversation(
  { threadId, messages }: ChatOptions,
  kept: Conversation | undefined,
  random: typeof systemRandom,
): Conversation {
  const fresh = { threadId: threadId ?? kept?.threadId ?? randomId("thread", random), messages: [], turns: [] };
  if (kept === undefined || (threadId !== undefined && kept.threadId !== threadId)) {
    return { ...fresh, messages: messages ?? [] };
  }
  const turns = kept.turns.map((turn): Turn => (isOpen(turn) ? { ...turn, connection: CONNECTING } : turn));
  if (messages === undefined) return { ...kept, turns };
  // What was given, but for what is asked anew, and what was under way in this tab.
  const given = messages.filter(
    ({ runId }) => runId === undefined || !turns.some(({ replaces }) => replaces?.runId === runId),
  );
  const isGiven = (runId: string | undefined): boolean =>
    runId !== undefined && messages.some((message) => message.role === "user" && message.runId === runId);
  const own = kept.messages.filter(
    ({ requestId, runId }) => turns.some((turn) => turn.requestId === requestId) && !isGiven(runId),
  );
  const all = turns.reduce<Conversation>(
    (joined, { requestId, runId }) => (runId === undefined ? joined : withRun(joined, requestId, runId)),
    { ...fresh, messages: [...given, ...own], turns },
  );
  return withoutPast(all);
}
