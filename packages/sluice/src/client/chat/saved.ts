import { isObject } from "../../base/json.ts";
import { IDLE, type Conversation, type Turn } from "./conversation.ts";
import type { ChatMessage, ChatStorage } from "./types.ts";

/**
 * Keeps a conversation for a reload of this tab. Where there is no room for all of it, answers that are whole are left
 * out, the oldest first, and then files: the server still has them. Where there is no room at all a reload forgets it.
 */
export function saveConversation(storage: ChatStorage, key: string, conversation: Conversation): void {
  const { threadId, messages, turns } = conversation;
  const kept = turns.map(({ connection: _of, ...turn }) => turn);
  for (const part of smallerAndSmaller(messages)) {
    try {
      return storage.setItem(key, JSON.stringify({ version: VERSION, threadId, messages: part, turns: kept }));
    } catch {
      // No room, or no storage: some browsers refuse it.
    }
  }
  try {
    storage.removeItem(key); // what is there is not so any more
  } catch {}
}

/** Undefined when nothing usable was kept. */
export function loadConversation(storage: ChatStorage, key: string): Conversation | undefined {
  try {
    return parseConversation(JSON.parse(storage.getItem(key) ?? "null"));
  } catch {
    return undefined;
  }
}

/**
 * That of a page, where there is one: the mere look at it throws where a browser forbids it. A server may have a
 * `sessionStorage` too, which would be one for all who ask it.
 */
export function browserStorage(): ChatStorage | null {
  try {
    return typeof document === "object" ? globalThis.sessionStorage : null;
  } catch {
    return null;
  }
}

const VERSION = 1;

function* smallerAndSmaller(messages: readonly ChatMessage[]): Generator<readonly ChatMessage[]> {
  const all = messages.length;
  for (let without = 0; without < all; without = without * 2 + 1) {
    yield messages.filter((message, index) => index >= without || !isWhole(message));
  }
  const bare = messages.filter((message) => !isWhole(message));
  yield bare;
  yield bare.map((message) =>
    message.role === "assistant" ? message : { ...message, parts: message.parts.filter(({ type }) => type !== "file") },
  );
}

function isWhole(message: ChatMessage): boolean {
  if (message.role !== "assistant" || message.runId === undefined) return false;
  return message.status === "finished" || message.status === "aborted";
}

function parseConversation(value: unknown): Conversation | undefined {
  if (!isObject(value) || value["version"] !== VERSION || typeof value["threadId"] !== "string") return undefined;
  const { threadId, messages, turns } = value;
  if (!Array.isArray(messages) || !Array.isArray(turns)) return undefined;
  return { threadId, messages: messages.filter(isMessage), turns: turns.flatMap(parseTurn) };
}

// This page has written it, or another tab: the checks are against another version of the page.

export function isMessage(value: unknown): value is ChatMessage {
  if (!isObject(value) || typeof value["id"] !== "string" || typeof value["content"] !== "string") return false;
  const { role, parts, status } = value;
  if (!Array.isArray(parts) || !parts.every((part) => isObject(part) && typeof part["type"] === "string")) return false;
  return typeof role === "string" && typeof status === "string" && STATUSES[role]?.includes(status) === true;
}

const STATUSES: Readonly<Record<string, readonly string[]>> = {
  user: ["pending", "sent", "failed"],
  system: ["pending", "sent", "failed"],
  assistant: ["streaming", "finished", "aborted", "failed"],
};

/** A turn as it is kept and as tabs tell it: without its connection. None for what there is no way to go on with. */
export function parseTurn(value: unknown): readonly Turn[] {
  if (!isObject(value) || typeof value["requestId"] !== "string" || typeof value["at"] !== "number") return [];
  const { body, runId, runUrl, status, error } = value;
  const known = [runId, runUrl].every((item) => item === undefined || typeof item === "string");
  const goesOn = status === "failed" ? isError(error) : runUrl !== undefined || body !== undefined;
  if (!known || !goesOn || !TURN_STATUSES.includes(status)) return [];
  return [{ ...value, stopping: value["stopping"] === true, connection: IDLE } as unknown as Turn];
}

const TURN_STATUSES: readonly unknown[] = ["submitted", "streaming", "failed"];

function isError(value: unknown): boolean {
  if (!isObject(value) || typeof value["code"] !== "string" || typeof value["message"] !== "string") return false;
  return value["retry"] === "same-run" || value["retry"] === "new-run";
}
