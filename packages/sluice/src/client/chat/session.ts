import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/id.ts";
import { browserWake } from "../wake.ts";
import { createAnswers, type Answers } from "./answers.ts";
import { chatError } from "./chat-error.ts";
import {
  CONNECTING,
  answerTo,
  asked,
  begun,
  edited,
  ended,
  failed,
  find,
  isOpen,
  opened,
  progressed,
  questionOf,
  retried,
  withdrawn,
  withoutPast,
  type Turn,
} from "./conversation.ts";
import { DEFAULT_URL, createEndpoints } from "./endpoints.ts";
import { createRelayTime, nextFrame } from "./frames.ts";
import {
  getJson,
  lastRunOf,
  parseHistory,
  parseRun,
  runsOf,
  unanswered,
  withHistory,
  withRun,
  type KnownRun,
} from "./history.ts";
import { createSlots } from "./slots.ts";
import type { Store } from "./store.ts";
import type { TabMessage } from "./tab-messages.ts";
import { browserTabs, openThreadChannel } from "./thread-channel.ts";
import type { ChatMessage, ChatOptions, ChatPage, ChatQuestion } from "./types.ts";

export interface SessionOptions {
  readonly chat: ChatOptions;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly page: ChatPage;
  readonly save: () => void;
}

/** A chat that is in touch with its server and with other tabs: from the first subscription until it is closed. */
export interface Session extends Pick<Answers, "stop" | "refresh"> {
  /** Asks what is in the conversation by now. */
  begin(requestId: string): void;
  load(): Promise<void>;
  /** The page is looked at again. */
  attend(): void;
  /** @param stop asks the server to end what runs */
  close(stop: boolean): void;
}

/**
 * Takes up what is under way: open turns, answers that had no room where they were kept, and the thread's history.
 * @throws SluiceError `option/invalid`
 */
export function openSession(options: SessionOptions): Session {
  const { chat, store, clock, random, page, save } = options;
  const { dialect = "ai-sdk", wake = browserWake, nextFrame: frame } = chat;
  const { threadId } = store.conversation;
  const endpoints = createEndpoints(chat);
  const closed = new AbortController();
  const { signal } = closed;
  const call = { fetch: endpoints.fetch, headers: endpoints.headers, clock, random, wake, signal };
  const scope = `sluice:${new URL(".", endpoints.postUrl).href}:${threadId}`;
  const tabs =
    chat.shareTabs === false ? null : chat.tabs === undefined ? browserTabs(endpoints.postUrl.origin) : chat.tabs;
  const slots = createSlots(tabs, `sluice:${endpoints.postUrl.origin}`);
  const channel = openThreadChannel(tabs, scope, hear);
  const answers = createAnswers({
    store,
    slots,
    endpoints,
    dialect,
    clock,
    random,
    wake,
    page,
    save,
    scope,
    decode: chat.decode,
    onEvent: chat.onEvent,
    onFinish: chat.onFinish,
    onError: chat.onError,
    locks: tabs?.locks ?? null,
    soon: frame ?? createRelayTime(page, nextFrame),
    post: (message) => channel?.post(message),
  });

  for (const turn of store.conversation.turns) if (isOpen(turn)) answers.follow(turn.requestId);
  channel?.post({ kind: "hello" });
  if (chat.load === true) void load();
  else for (const runId of unanswered(store.conversation)) void recover(runId);

  return {
    refresh: answers.refresh,
    stop: answers.stop,
    begin(requestId) {
      answers.announce(requestId);
      answers.follow(requestId);
    },
    load,
    attend() {
      channel?.post({ kind: "hello" });
      answers.attend();
      slots.attend();
    },
    close(stop) {
      const running = store.conversation.turns.filter(isOpen);
      answers.close();
      closed.abort();
      channel?.close();
      slots.close();
      for (const { runUrl, requestId } of stop ? running : []) {
        // The page may be gone before there is an answer.
        if (runUrl === undefined) void endpoints.cancel(requestId);
        else endpoints.stop(runUrl).catch(() => {});
      }
    },
  };

  async function load(): Promise<void> {
    store.history = { loading: true, error: undefined };
    store.publish();
    const known = runsOf(store.conversation);
    try {
      const history = parseHistory(await getJson(endpoints.threadUrl(threadId), call));
      const last = lastRunOf(history);
      // A thread has the text of answers. The last one is had whole, or read on.
      const run = last && !isWhole(last.runId) ? await getRun(last.runId) : undefined;
      if (signal.aborted) return;
      if (last) {
        // Read to its end, by now, while the server was telling, perhaps, that it runs.
        const isRead = isWhole(last.runId);
        // It was heard although it was taken back, and was asked anew since.
        if (run && known.has(run.requestId) && !questionOf(store.conversation, run.requestId)) known.add(last.runId);
        store.change(withHistory, { history, known, open: run !== undefined && !last.answered });
        if (run && !isRead) takeUp(last.runId, run);
        store.change(withoutPast);
      }
      store.unread = false;
      store.history = { loading: false, error: undefined };
    } catch (error) {
      if (signal.aborted) return;
      const told = { ...chatError(error), retry: "same-run" } as const;
      store.history = { loading: false, error: told };
      queueMicrotask(() => chat.onError?.(told)); // what it throws is the page's
    }
    store.publish();
  }

  function isWhole(runId: string): boolean {
    return store.conversation.messages.some(
      (message) => message.role === "assistant" && message.runId === runId && message.status !== "streaming",
    );
  }

  async function recover(runId: string): Promise<void> {
    const run = await getRun(runId).catch(() => undefined);
    if (signal.aborted || !run || isWhole(runId)) return;
    takeUp(runId, run);
    store.publish();
  }

  async function getRun(runId: string): Promise<KnownRun | undefined> {
    return parseRun(await getJson(endpoints.runUrl(runId), call), runId);
  }

  function takeUp(runId: string, { requestId, running, message }: KnownRun): void {
    const isOf = (said: ChatMessage): boolean => said.role === "user" && said.runId === runId;
    if (!store.conversation.messages.some(isOf)) return; // that question is being asked anew
    store.change(withRun, requestId, runId);
    const known = find(store.conversation, requestId);
    const isAsked = known && isOpen(known);
    if (isAsked && known.runUrl !== undefined) return;
    // Before all that this page asks.
    const turn = { requestId, at: 0, status: "streaming", stopping: false, connection: CONNECTING } as const;
    if (!known) store.change(begun, turn);
    // The server has the question, whatever became of its answer to who asks.
    store.change(opened, requestId, { runId, runUrl: endpoints.eventsUrl(runId).href });
    if (known) answers.announce(requestId);
    if (isAsked) return;
    if (running) {
      if (message.parts.length > 0) store.change(progressed, requestId, message);
      return answers.follow(requestId);
    }
    store.change(ended, requestId, message);
    store.change(withoutPast);
  }

  function hear(message: TabMessage): void {
    switch (message.kind) {
      case "hello":
        for (const { requestId } of store.conversation.turns) if (answers.leads(requestId)) answers.announce(requestId);
        return;
      case "turn":
        return adopt(message.turn, message.question);
      case "stop":
        return answers.stopTold(message.requestId, message.wanted);
      case "withdrawn":
        answers.drop(message.requestId);
        if (find(store.conversation, message.requestId) === undefined) return;
        store.change(withdrawn, message.requestId);
        return save(); // a page that is thrown away must not ask it again
      default:
        return answers.hear(message);
    }
  }

  /** What another tab tells of a turn. Whether it can be read, who reads it himself knows better. */
  function adopt(turn: Turn, question: ChatQuestion): void {
    const { requestId, runId, runUrl, stopping, error } = turn;
    const known = find(store.conversation, requestId);
    if (turn.status === "failed") {
      if (!known || !error || answers.leads(requestId)) return;
      answers.drop(requestId);
      store.change(failed, requestId, error);
      return save();
    }
    if (known === undefined) {
      if ((answerTo(store.conversation, requestId)?.status ?? "streaming") !== "streaming") return;
      put({ ...turn, connection: CONNECTING }, question);
    } else if (!isOpen(known)) store.change(retried, requestId);
    if (runUrl !== undefined) store.change(opened, requestId, { runId, runUrl });
    if (stopping) store.change(edited, requestId, (before) => ({ ...before, stopping }));
    if (known === undefined || !isOpen(known)) answers.follow(requestId);
    save();
  }

  /** What it takes the place of is not read any more. */
  function put(turn: Turn, question: ChatQuestion): void {
    const { turns } = store.conversation;
    answers.refresh(); // what has come of it by now
    store.change(asked, turn, question);
    for (const { requestId } of turns) if (!find(store.conversation, requestId)) answers.drop(requestId);
  }
}

/** What begins the names of what is kept. */
export function storageKey({ url = DEFAULT_URL, threadId }: ChatOptions): string {
  return `sluice.chat:${String(url)}${threadId === undefined ? "" : `:${threadId}`}`;
}
