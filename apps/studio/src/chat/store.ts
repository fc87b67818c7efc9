import type { Message } from "sluice/chat";
import { stopRun } from "sluice/client";
import { runningState, type Chat, type Turn } from "./chat.ts";
import { followTurn, type Connection } from "./follow.ts";
import { ended, interrupted, isStopping, isUnheard, opened, progressed, stopping, withdrawn } from "./progress.ts";
import { createQuestion } from "./question.ts";
import { loadChat, saveChat, type ChatStorage } from "./saved-chat.ts";
import { cancelRequest } from "./server.ts";
import { turnError } from "./turn-error.ts";

/** The chat of one tab. What happens on the wire ends up in `snapshot`; nothing here knows of React. */
export interface ChatStore {
  /** The same object until something changes. */
  readonly snapshot: () => Chat;
  readonly subscribe: (listener: () => void) => () => void;
  /** Does nothing while an answer runs. */
  ask(question: string): void;
  /** Asks the server to end the running answer. What has come stays. */
  stop(): void;
  /** Tries the last turn again: its run, or a new one, as its error says. */
  retry(): void;
  /** Asks the model the last question once more, with a new key. */
  regenerate(): void;
  /** Leaves the conversation for an empty one. A run that is under way goes on without a reader. */
  startNew(): void;
  /** Keeps everything now: the page may go away. */
  save(): void;
}

export interface ChatStoreOptions {
  readonly connection: Connection;
  readonly storage: ChatStorage;
  /** Runs once, soon: several events become one new snapshot. */
  readonly nextFrame: (run: () => void) => void;
  readonly now: () => number;
  readonly newId: () => string;
}

// A reload folds the answer again from its first event; what is kept of it only bridges the moment until then.
const SAVE_EVERY_MS = 1000;

/** Takes up what an earlier page of this tab has kept, and reads on where an answer was under way. */
export function createChatStore(options: ChatStoreOptions): ChatStore {
  const { connection, storage, nextFrame, now, newId } = options;
  const { fetch, origin } = connection;
  const listeners = new Set<() => void>();
  let chat: Chat = loadChat(storage) ?? { threadId: newId(), turns: [] };
  let conversation = new AbortController();
  let savedAt = now();
  /** Ends the asking of a question that no server is known to have. */
  let takeBack = (): void => {};

  for (const turn of chat.turns) {
    if (runningState(turn) || (turn.state.kind === "ready" && turn.answer === undefined)) void follow(turn);
  }

  return {
    snapshot: () => chat,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ask(question) {
      if (question.trim() !== "" && running() === undefined) begin(chat.turns, question.trim());
    },
    stop() {
      const turn = running();
      if (turn === undefined || isStopping(turn)) return;
      change(turn.requestId, (before) => stopping(before, true));
      save();
      if (isUnheard(find(turn.requestId))) takeBack();
      void sendStop(turn.requestId);
    },
    retry() {
      const last = chat.turns.at(-1);
      if (last?.state.kind !== "error" || running()) return;
      if (last.state.error.retry === "new-key") return regenerate();
      const kind = last.runId === undefined ? "submitted" : "streaming";
      change(last.requestId, (turn) => ({ ...turn, state: { kind, stopping: false } }));
      void follow(last);
    },
    regenerate,
    startNew() {
      conversation.abort();
      conversation = new AbortController();
      publish({ threadId: newId(), turns: [] });
      save();
    },
    save,
  };

  function begin(history: readonly Turn[], question: string): void {
    const requestId = newId();
    const body = createQuestion({ requestId, threadId: chat.threadId }, history, question);
    const turn: Turn = { requestId, question, body, state: { kind: "submitted", stopping: false } };
    publish({ ...chat, turns: [...history, turn] });
    // Before anything is sent: whenever this page goes away, the next one has the key.
    save();
    void follow(turn);
  }

  function regenerate(): void {
    const last = chat.turns.at(-1);
    if (last && running() === undefined) begin(chat.turns.slice(0, -1), last.question);
  }

  /** Never rejects: how it went is the turn's state. */
  async function follow(turn: Turn): Promise<void> {
    const { requestId } = turn;
    const left = conversation.signal;
    try {
      await read(turn, left);
    } catch (error) {
      if (left.aborted) return;
      const failed = turnError(error);
      const after = find(requestId);
      // Its run was found on the way: that one is waited for with more patience.
      if (failed.code === "client/gave-up" && turn.runId === undefined && after?.runId !== undefined) {
        return follow(after);
      }
      change(requestId, (before) => ({ ...before, state: { kind: "error", error: failed } }));
    }
    if (!left.aborted) save();
  }

  async function read(turn: Turn, left: AbortSignal): Promise<void> {
    const { requestId } = turn;
    const takenBack = new AbortController();
    if (turn.runId === undefined) takeBack = () => takenBack.abort();
    let latest: Message | undefined;
    let scheduled = false;

    const show = (): void => {
      scheduled = false;
      const message = latest;
      if (message === undefined || left.aborted) return;
      change(requestId, (before) => (runningState(before) ? progressed(before, message) : before));
      if (now() - savedAt >= SAVE_EVERY_MS) save();
    };

    await followTurn(turn, {
      ...connection,
      signal: AbortSignal.any([left, takenBack.signal]),
      onOpen(runId) {
        change(requestId, (before) => opened(before, runId));
        save();
        if (isStopping(find(requestId))) void sendStop(requestId);
      },
      onWaiting(reason) {
        change(requestId, (before) => interrupted(before, reason));
        const after = find(requestId);
        if (isStopping(after) && isUnheard(after)) takenBack.abort();
      },
      onProgress(message) {
        latest = message;
        if (!scheduled) nextFrame(show);
        scheduled = true;
      },
    });
    if (takenBack.signal.aborted) {
      // Nobody is known to be answering. The server is told as far as it hears.
      void cancelRequest(connection, requestId);
      change(requestId, withdrawn);
    } else {
      change(requestId, (before) => ended(before, latest));
    }
  }

  async function sendStop(requestId: string): Promise<void> {
    const runId = find(requestId)?.runId;
    if (runId === undefined) return;
    try {
      await stopRun({ url: new URL(`/runs/${encodeURIComponent(runId)}`, origin), fetch });
    } catch {
      // While there is no connection it stays wanted, and is sent when there is one; else the person may try again.
      const waiting = runningState(find(requestId))?.waiting;
      if (waiting === undefined) change(requestId, (turn) => stopping(turn, false));
    }
  }

  /** Of a conversation that was left there is no turn any more. */
  function change(requestId: string, edit: (turn: Turn) => Turn): void {
    const turns = chat.turns.map((turn) => (turn.requestId === requestId ? edit(turn) : turn));
    if (turns.some((turn, index) => turn !== chat.turns[index])) publish({ ...chat, turns });
  }

  function publish(next: Chat): void {
    chat = next;
    for (const listener of listeners) listener();
  }

  function find(requestId: string): Turn | undefined {
    return chat.turns.find((turn) => turn.requestId === requestId);
  }

  function running(): Turn | undefined {
    return chat.turns.find((turn) => runningState(turn) !== undefined);
  }

  function save(): void {
    savedAt = now();
    saveChat(storage, chat);
  }
}
