import { SluiceError } from "../../base/errors.ts";
import { isObject } from "../../base/json.ts";
import type { Message } from "../../chat/index.ts";
import { createBackoff } from "../backoff.ts";
import { refusal } from "../refusal.ts";
import type { EventStreamOptions } from "../types.ts";
import { wait } from "../wait.ts";
import { isOpen, questionOf, withoutDoubles, type Conversation } from "./conversation.ts";
import type { ChatMessage, ChatQuestion } from "./types.ts";

/** How the server is asked for what it keeps. */
export interface Call extends Required<Pick<EventStreamOptions, "fetch" | "clock" | "random" | "wake">> {
  readonly headers: () => HeadersInit;
  readonly signal: AbortSignal;
}

/** What the server has of a thread, oldest first. */
export type History = readonly {
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly runId: string;
  readonly status?: string;
}[];

/** What the server has of a run. */
export interface KnownRun {
  readonly requestId: string;
  readonly running: boolean;
  readonly message: Message;
}

const ATTEMPTS = 6;

/**
 * The server's JSON; undefined where there is nothing (404). Asks a few times where another answer may come.
 * @throws SluiceError `client/refused`, `client/gave-up`
 */
export async function getJson(url: URL, { fetch, headers, signal, ...time }: Call): Promise<unknown> {
  const backoff = createBackoff(time.random, {});
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, { headers: headers(), signal, cache: "no-store" });
      if (response.status === 404) return undefined;
      if (response.ok) return await response.json();
      const refused = refusal(response.status, await response.text());
      if ((response.status < 500 && response.status !== 429) || attempt === ATTEMPTS) throw refused;
    } catch (error) {
      // `fetch` throws nothing else where there is no answer.
      if (signal.aborted || !(error instanceof TypeError)) throw error;
      if (attempt === ATTEMPTS)
        throw new SluiceError("client/gave-up", "The server cannot be reached.", { cause: error });
    }
    await wait(backoff.delay(attempt), { ...time, signal });
  }
}

export function parseHistory(value: unknown): History {
  const messages: unknown = isObject(value) ? value["messages"] : undefined;
  return Array.isArray(messages) ? messages.filter(isSaid) : [];
}

export function parseRun(value: unknown, runId: string): KnownRun | undefined {
  if (!isObject(value) || !isObject(value["message"]) || !Array.isArray(value["message"]["parts"])) return undefined;
  const { requestId, status, message } = value;
  return {
    requestId: typeof requestId === "string" ? requestId : runId,
    running: status === "running",
    message: message as unknown as Message,
  };
}

/** The run of the newest question, and whether the thread has its answer. */
export function lastRunOf(history: History): { readonly runId: string; readonly answered: boolean } | undefined {
  const question = history.findLast(({ role }) => role === "user");
  const answer = history.at(-1);
  return (
    question && { runId: question.runId, answered: answer?.role === "assistant" && answer.runId === question.runId }
  );
}

export interface LoadedHistory {
  readonly history: History;
  /** The newest question waits for its run: an answer behind it is that of an earlier asking. */
  readonly open: boolean;
  /** Runs that this page knew of when the server was asked. */
  readonly known: ReadonlySet<string | undefined>;
}

/** Ids and keys of the runs of its messages, and of those whose place a question takes that is asked anew. */
export function runsOf({ messages, turns }: Conversation): Set<string | undefined> {
  return new Set([
    ...messages.flatMap(({ runId, requestId }) => [runId, requestId]),
    ...turns.flatMap(({ replaces }) => [replaces?.runId, replaces?.id]),
  ]);
}

/**
 * The conversation as the server has it, with what only this page knows: parts of answers, questions that the server
 * has not heard of, what is under way, and what has happened since the server was asked.
 */
export function withHistory(conversation: Conversation, { history, open, known: before }: LoadedHistory): Conversation {
  const { turns } = conversation;
  const isRead = (runId: string | undefined): boolean => turns.some((turn) => turn.runId === runId && isOpen(turn));
  // Of an answer that could not be read on, the server has more.
  const messages = conversation.messages.filter(
    ({ role, status, runId }) =>
      status !== "streaming" || isRead(runId) || !history.some((entry) => entry.role === role && entry.runId === runId),
  );
  // It was asked anew, maybe while the server was telling.
  const isReplaced = (runId: string): boolean =>
    (before.has(runId) || turns.some(({ replaces }) => replaces?.runId === runId)) &&
    !messages.some((message) => message.runId === runId);
  const local = (role: ChatMessage["role"], runId: string): readonly ChatMessage[] =>
    messages.filter((message) => message.role === role && message.runId === runId);
  const said = history.flatMap((entry, index): readonly ChatMessage[] => {
    const { role, runId } = entry;
    if (isReplaced(runId)) return [];
    if (role === "user") {
      const [question = messageOf(entry)] = local(role, runId);
      return [question, ...local("assistant", runId)];
    }
    const asked = history[index - 1]?.runId ?? runId;
    // Of an earlier asking; it stays as long as there is no other.
    const isPast = asked !== runId && (open || isRead(asked) || local(role, asked).length > 0);
    return isPast || isRead(runId) || local(role, runId).length > 0 ? [] : [messageOf(entry)];
  });
  const isOwn = ({ role, runId, requestId }: ChatMessage): boolean =>
    role !== "system" &&
    (runId === undefined || !before.has(runId) || turns.some((turn) => turn.requestId === requestId));
  const own = messages.filter((message) => isOwn(message) && !said.includes(message));
  return { ...conversation, messages: [...messages.filter(({ role }) => role === "system"), ...said, ...own] };
}

/** With the key of the turn on the question that has this run; another tab may have told of it before the server did. */
export function withRun(conversation: Conversation, requestId: string, runId: string): Conversation {
  const { messages } = conversation;
  const index = messages.findIndex((message) => message.role === "user" && message.runId === runId);
  const question = messages[index];
  if (question === undefined || question.role === "assistant") return conversation;
  const told = questionOf(conversation, requestId);
  const known: ChatQuestion = { ...(told ?? question), runId, requestId, status: "sent" };
  // One that was taken back has stood elsewhere, with an answer of nothing.
  const isPlaced = (message: ChatMessage): boolean =>
    message === known || told === question || message.requestId !== requestId;
  return withoutDoubles({ ...conversation, messages: messages.with(index, known).filter(isPlaced) }, requestId, runId);
}

/** Runs whose answers were left out when the conversation was kept. */
export function unanswered({ messages, turns }: Conversation): readonly string[] {
  return messages.flatMap((message, index) => {
    if (message.role !== "user" || message.runId === undefined || message.status !== "sent") return [];
    const next = messages[index + 1];
    const waits = turns.some((turn) => turn.requestId === message.requestId);
    return waits || next?.role === "assistant" ? [] : [message.runId];
  });
}

// A thread tells of answers when they are over.
function messageOf({ role, content, runId, status }: History[number]): ChatMessage {
  const parts = [{ type: "text", text: content, state: "done" }] as const;
  if (role === "user") return { id: runId, role, parts, content, runId, status: "sent" };
  const ended = status === "aborted" || status === "failed" ? status : "finished";
  return { id: runId.replace(/^run_/, "msg_"), role, parts, content, runId, status: ended };
}

function isSaid(value: unknown): value is History[number] {
  if (!isObject(value) || typeof value["content"] !== "string" || typeof value["runId"] !== "string") return false;
  return value["role"] === "user" || value["role"] === "assistant";
}
