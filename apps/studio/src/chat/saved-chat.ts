import type { Chat, Turn, TurnState } from "./chat.ts";

/** What is used of a tab's `sessionStorage`. */
export interface ChatStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const KEY = "sluice.chat.v1";

/**
 * Keeps the chat for a reload of this tab. Where there is no room for all of it, answers that are finished are left
 * out, the oldest first: the server still has their runs. Where there is no room at all, a reload forgets the chat.
 */
export function saveChat(storage: ChatStorage, chat: Chat): void {
  const all = chat.turns.length;
  for (let without = 0; ; without = Math.min(without * 2 + 1, all)) {
    const turns = chat.turns.map((turn, index) => (index < without ? withoutAnswer(turn) : turn));
    try {
      return storage.setItem(KEY, JSON.stringify({ ...chat, turns }));
    } catch {
      // No room, or no storage: some browsers refuse it.
      if (without === all) return;
    }
  }
}

/** Undefined when nothing usable was kept. */
export function loadChat(storage: ChatStorage): Chat | undefined {
  try {
    return parseChat(JSON.parse(storage.getItem(KEY) ?? "null"));
  } catch {
    return undefined;
  }
}

function withoutAnswer(turn: Turn): Turn {
  if (turn.runId === undefined || turn.state.kind !== "ready") return turn;
  const { answer: _answer, ...rest } = turn;
  return rest;
}

function parseChat(value: unknown): Chat | undefined {
  if (!isObject(value) || typeof value["threadId"] !== "string" || !Array.isArray(value["turns"])) return undefined;
  const turns: readonly unknown[] = value["turns"];
  return { threadId: value["threadId"], turns: turns.map(parseTurn).filter((turn) => turn !== undefined) };
}

// This page has written it: the check is against an older version of the page.
function parseTurn(value: unknown): Turn | undefined {
  if (!isObject(value) || typeof value["requestId"] !== "string" || typeof value["question"] !== "string") {
    return undefined;
  }
  const { state, answer } = value;
  const isAnswer = answer === undefined || (isObject(answer) && Array.isArray(answer["parts"]));
  return isAnswer && isObject(state) && isState(state) && canGoOn(value) ? (value as unknown as Turn) : undefined;
}

function isState({ kind, error }: Readonly<Record<string, unknown>>): boolean {
  return STATES.some((known) => known === kind) && (kind !== "error" || isObject(error));
}

/** Something is to be shown, or there is a way to get it. */
function canGoOn({ answer, runId, body, state }: Readonly<Record<string, unknown>>): boolean {
  return [answer, runId, body].some((value) => value !== undefined) || (isObject(state) && state["kind"] === "error");
}

const STATES: readonly TurnState["kind"][] = ["submitted", "streaming", "ready", "error"];

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
