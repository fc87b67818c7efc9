import type { Message } from "../../chat/index.ts";
import type { AskOptions, ChatAnswer, ChatConnection, ChatError, ChatMessage, ChatQuestion } from "./types.ts";

/** A thread as this page knows it. A value: every change makes another, and shares with the old what did not change. */
export interface Conversation {
  readonly threadId: string;
  readonly messages: readonly ChatMessage[];
  /** Of the questions that are under way, and of the last one when it failed; in the order of their messages. */
  readonly turns: readonly Turn[];
}

/** What is going on with one question. */
export interface Turn {
  /** The idempotency key; of a run that was begun without one, its id. The question and the answer carry it too. */
  readonly requestId: string;
  /** By the clock, when it was asked: two tabs that ask at once agree on an order. */
  readonly at: number;
  /** What is posted, kept until the run is known: a repeated POST must have the same body. */
  readonly body?: unknown;
  /** What it was asked with, for asking it anew after a failure. */
  readonly ask?: AskOptions;
  /** The earlier asking whose place it takes. */
  readonly replaces?: Replaced;
  readonly runId?: string;
  /** Where its events are read. */
  readonly runUrl?: string;
  /** `submitted` until the server is known to have the question. */
  readonly status: "submitted" | "streaming" | "failed";
  readonly stopping: boolean;
  readonly connection: ChatConnection;
  readonly error?: ChatError;
}

/** Names a question that is asked again. */
export interface Replaced {
  readonly id: string;
  readonly runId?: string | undefined;
}

/** With a question that is asked now: a new one, or one that takes the place of an earlier asking and of its answer. */
export function asked(conversation: Conversation, turn: Turn, question: ChatQuestion): Conversation {
  const { messages, turns } = conversation;
  const { replaces } = turn;
  const index = replaces === undefined ? -1 : messages.findLastIndex((message) => isSame(message, replaces));
  const before = messages.slice(0, index === -1 ? placeOf(turn, conversation) : index);
  const open = turns.filter((other) => isOpen(other) && other.requestId !== messages[index]?.requestId);
  // What stood behind a question that is asked again is void, but for what another tab asks at this moment.
  const after =
    index === -1 ? messages.slice(before.length) : messages.slice(index + 1).filter((message) => isOf(open, message));
  const others = open.filter(({ requestId }) => has(before.concat(after), requestId));
  return {
    ...conversation,
    messages: [...before, question, ...after],
    turns: [...others, turn].sort(byAge),
  };
}

export function replaced(conversation: Conversation, messages: readonly ChatMessage[]): Conversation {
  return { ...conversation, messages, turns: [] };
}

/** With a turn for a question that is there. */
export function begun(conversation: Conversation, turn: Turn): Conversation {
  return { ...conversation, turns: [...conversation.turns, turn].sort(byAge) };
}

/** What failed is tried again: the same question, with the same key. */
export function retried(conversation: Conversation, requestId: string): Conversation {
  const again = edited(conversation, requestId, ({ error: _over, ...turn }) => ({
    ...turn,
    status: turn.runUrl === undefined ? "submitted" : "streaming",
    connection: CONNECTING,
  }));
  return withQuestion(again, requestId, (question) =>
    question.status === "failed" ? { ...question, status: "pending" } : question,
  );
}

/** The server has the question, or takes it up again after a break. */
export function opened(
  conversation: Conversation,
  requestId: string,
  run: { readonly runId: string | undefined; readonly runUrl: string | undefined },
): Conversation {
  const known = edited(conversation, requestId, ({ error: _over, body, ...turn }) => ({
    ...turn,
    ...withoutUndefined(run),
    ...(run.runUrl === undefined ? { body } : {}),
    status: "streaming",
  }));
  return withQuestion(withoutDoubles(known, requestId, run.runId), requestId, (question) => {
    if (question.status === "sent" && (run.runId === undefined || question.runId === run.runId)) return question;
    return { ...question, status: "sent", ...withoutUndefined({ runId: run.runId }) };
  });
}

/** More of the answer is there. What a reload has kept stays until the new reading is as far. */
export function progressed(conversation: Conversation, requestId: string, message: Message): Conversation {
  const index = conversation.messages.findIndex((known) => known.role === "assistant" && known.requestId === requestId);
  const known = conversation.messages[index];
  if (known !== undefined && message.status === "streaming" && lengthOf(message) < lengthOf(known)) return conversation;
  const answer = answerOf(message, requestId, find(conversation, requestId)?.runId ?? known?.runId);
  const messages = conversation.messages.slice();
  if (known !== undefined) messages[index] = answer;
  else messages.splice(questionIndex(conversation, requestId) + 1, 0, answer);
  return { ...conversation, messages };
}

/** The terminal is here: nothing more will come. Only a failure leaves its turn behind. */
export function ended(conversation: Conversation, requestId: string, message: Message): Conversation {
  const whole = progressed(conversation, requestId, message);
  const failure = failureOf(message);
  return failure === undefined ? over(whole, requestId) : failed(whole, requestId, failure);
}

export function failureOf({ status, error }: Message): ChatError | undefined {
  if (status !== "failed") return undefined;
  const { code, message } = error ?? { code: "PROCESSING_ERROR", message: "The answer failed." };
  return { code, message, retry: "new-run" };
}

/** It cannot be read on for now. Of turns that failed only the newest is kept: nothing else can be tried again. */
export function failed(conversation: Conversation, requestId: string, error: ChatError): Conversation {
  const unheard = find(conversation, requestId)?.status === "submitted";
  const told = edited(conversation, requestId, (turn) => ({
    ...turn,
    status: "failed",
    stopping: false,
    connection: IDLE,
    error,
  }));
  const last = told.turns.at(-1);
  const turns = told.turns.filter((turn) => turn === last || turn.status !== "failed");
  const kept = { ...told, turns };
  return unheard ? withQuestion(kept, requestId, (question) => ({ ...question, status: "failed" })) : kept;
}

/** The person took the question back before any server was known to have it. */
export function withdrawn(conversation: Conversation, requestId: string): Conversation {
  const nothing: Message = { id: requestId, role: "assistant", parts: [], status: "aborted" };
  const answered = progressed(conversation, requestId, nothing);
  return over(
    withQuestion(answered, requestId, (question) => ({ ...question, status: "failed" })),
    requestId,
  );
}

/** Only the last question can be asked again. */
export function withoutPast(conversation: Conversation): Conversation {
  const last = conversation.messages.findLast(({ role }) => role === "user");
  const turns = conversation.turns.filter((turn) => isOpen(turn) || turn.requestId === last?.requestId);
  return { ...conversation, turns };
}

function over(conversation: Conversation, requestId: string): Conversation {
  return { ...conversation, turns: conversation.turns.filter((turn) => turn.requestId !== requestId) };
}

/** Another turn in place of the one with this key; the same conversation where there is none. */
export function edited(conversation: Conversation, requestId: string, edit: (turn: Turn) => Turn): Conversation {
  const turns = conversation.turns.map((turn) => (turn.requestId === requestId ? edit(turn) : turn));
  return turns.some((turn, index) => turn !== conversation.turns[index]) ? { ...conversation, turns } : conversation;
}

export function find({ turns }: Conversation, requestId: string): Turn | undefined {
  return turns.find((turn) => turn.requestId === requestId);
}

export function isOpen({ status }: Turn): boolean {
  return status !== "failed";
}

/** No server is known to have the question, and none could be asked so far. */
export function isUnheard(turn: Turn | undefined): boolean {
  if (turn?.status !== "submitted") return false;
  const { connection } = turn;
  return connection.status === "waiting" || (connection.status === "connecting" && connection.attempt > 1);
}

function answerOf(message: Message, requestId: string | undefined, runId: string | undefined): ChatAnswer {
  return { ...message, content: contentOf(message.parts), ...withoutUndefined({ requestId, runId }) };
}

export function questionOf({ messages }: Conversation, requestId: string): ChatQuestion | undefined {
  return messages.find(
    (message): message is ChatQuestion => message.role !== "assistant" && message.requestId === requestId,
  );
}

export function answerTo({ messages }: Conversation, requestId: string): ChatAnswer | undefined {
  return messages.find(
    (message): message is ChatAnswer => message.role === "assistant" && message.requestId === requestId,
  );
}

/** All text, as the server puts it into the thread. Joined by hand: `join` would copy a long text in every frame. */
function contentOf(parts: Message["parts"]): string {
  return parts.reduce((text, part) => (part.type === "text" ? text + part.text : text), "");
}

export const IDLE: ChatConnection = { status: "idle" };
export const CONNECTING: ChatConnection = { status: "connecting", attempt: 1 };

/** Without what a history has told of a run before it was known whose it is. */
export function withoutDoubles(conversation: Conversation, requestId: string, runId: string | undefined): Conversation {
  const isDouble = (message: ChatMessage): boolean =>
    runId !== undefined && message.runId === runId && message.requestId !== requestId;
  if (!conversation.messages.some(isDouble)) return conversation;
  return { ...conversation, messages: conversation.messages.filter((message) => !isDouble(message)) };
}

function withQuestion(
  conversation: Conversation,
  requestId: string,
  edit: (question: ChatQuestion) => ChatQuestion,
): Conversation {
  const index = questionIndex(conversation, requestId);
  const question = conversation.messages[index];
  if (question === undefined || question.role === "assistant") return conversation;
  const changed = edit(question);
  if (changed === question) return conversation;
  return { ...conversation, messages: conversation.messages.with(index, changed) };
}

function questionIndex({ messages }: Conversation, requestId: string): number {
  return messages.findIndex((message) => message.role !== "assistant" && message.requestId === requestId);
}

/** Before the questions that were asked later, in another tab. */
function placeOf(turn: Turn, conversation: Conversation): number {
  const later = conversation.turns.find((other) => isOpen(other) && byAge(turn, other) < 0);
  const index = later === undefined ? -1 : questionIndex(conversation, later.requestId);
  return index === -1 ? conversation.messages.length : index;
}

function byAge(a: Turn, b: Turn): number {
  return a.at - b.at || (a.requestId < b.requestId ? -1 : 1);
}

function isOf(turns: readonly Turn[], { requestId }: ChatMessage): boolean {
  return turns.some((turn) => turn.requestId === requestId);
}

function has(messages: readonly ChatMessage[], requestId: string): boolean {
  return messages.some((message) => message.requestId === requestId);
}

function isSame(message: ChatMessage, { id, runId }: Replaced): boolean {
  return message.role === "user" && (message.id === id || (runId !== undefined && message.runId === runId));
}

function lengthOf({ parts }: Pick<Message, "parts">): number {
  return parts.reduce((sum, part) => sum + 1 + ("text" in part ? part.text.length : 0), 0);
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** For keys that are absent rather than undefined. */
function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}
