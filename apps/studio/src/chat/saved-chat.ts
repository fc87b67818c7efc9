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
  for (let left = 0; left <= chat.turns.length; left = left * 2 + 1) {
    const turns = chat.turns.map((turn, index) => (index < left ? withoutAnswer(turn) : turn));
    try {
      storage.setItem(KEY, JSON.stringify({ ...chat, turns }));
      return;
    } catch {
      // No room, or no storage: some browsers refuse it.
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

const STATES: readonly string[] = ["submitted", "streaming", "ready", "error"] satisfies TurnState["kind"][];

// This page has written it: the check is against an older version of the page.
function parseTurn(value: unknown): Turn | undefined {
  if (!isObject(value) || typeof value["requestId"] !== "string" || typeof value["question"] !== "string")
    return undefined;
  const { state, answer, runId, body } = value;
  if (!isObject(state) || typeof state["kind"] !== "string" || !STATES.includes(state["kind"])) return undefined;
  if (state["kind"] === "error" && !isObject(state["error"])) return undefined;
  if (answer !== undefined && !(isObject(answer) && Array.isArray(answer["parts"]))) return undefined;
  const canBeRead = answer !== undefined || runId !== undefined || body !== undefined;
  return canBeRead || state["kind"] === "error" ? (value as unknown as Turn) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
