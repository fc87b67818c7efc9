import { isObject } from "../../base/json.ts";
import type { RunEvent } from "../../chat/index.ts";
import type { Turn } from "./conversation.ts";
import { isMessage, parseTurn } from "./saved.ts";
import type { ChatConnection, ChatQuestion } from "./types.ts";

/** What tabs of one thread tell each other. ARCHITECTURE.md, "Chat in a page". */
export type TabMessage =
  /** To those who read: tell me what is under way. */
  | { readonly kind: "hello" }
  /** A question was asked, its run is known, or its reading failed. */
  | { readonly kind: "turn"; readonly turn: Turn; readonly question: ChatQuestion }
  /** Somebody wants the answer to end, or cannot have it ended. */
  | { readonly kind: "stop"; readonly requestId: string; readonly wanted: boolean }
  /** Taken back before any server was known to have it. */
  | { readonly kind: "withdrawn"; readonly requestId: string }
  | RunMessage;

/** About the events of one run. `epoch` is the reign of a leader, `sequence` counts its batches. */
export type RunMessage =
  /** From one who follows, and may be looked at: that is how far I am. Whoever leads answers. */
  | ({ readonly kind: "ask"; readonly seen: boolean } & Place)
  /** What has come after the batch before; empty for a sign of life. */
  | ({ readonly kind: "batch" } & Place & Told)
  /** Everything so far, up to this batch. */
  | ({ readonly kind: "whole" } & Place & Told);

/** Where a run is: its id, and the URL of its events. */
export interface KnownRun {
  readonly runId: string | undefined;
  readonly runUrl: string | undefined;
}

export interface Place {
  readonly requestId: string;
  readonly epoch: number;
  readonly sequence: number;
}

interface Told {
  /** As far as the leader knows it: whoever has an answer knows whose it is. */
  readonly run: KnownRun;
  readonly events: readonly RunEvent[];
  readonly lastEventId: string | undefined;
  readonly connection: ChatConnection;
}

export type Envelope = TabMessage & { readonly sluice: 1 };

/** Undefined for what is not understood: another version of the page may be open in another tab. */
export function parseTabMessage(value: unknown): TabMessage | undefined {
  if (!isObject(value) || value["sluice"] !== 1 || !isKnown(value)) return undefined;
  const message = value as unknown as TabMessage;
  if (message.kind !== "turn") return message;
  const [turn] = parseTurn(message.turn);
  return turn && { ...message, turn };
}

function isKnown(message: Record<string, unknown>): boolean {
  const { kind, requestId, events, connection, lastEventId, question, run } = message;
  switch (kind) {
    case "hello":
      return true;
    case "turn":
      return isMessage(question) && question.role !== "assistant";
    case "stop":
    case "withdrawn":
      return typeof requestId === "string";
    case "ask":
      return isPlace(message) && typeof message["seen"] === "boolean";
    case "batch":
    case "whole":
      return (
        isPlace(message) &&
        Array.isArray(events) &&
        events.every(isRunEvent) &&
        isConnection(connection) &&
        isRun(run) &&
        (lastEventId === undefined || typeof lastEventId === "string")
      );
    default:
      return false;
  }
}

function isPlace({ requestId, epoch, sequence }: Record<string, unknown>): boolean {
  return typeof requestId === "string" && typeof epoch === "number" && typeof sequence === "number";
}

function isConnection(value: unknown): boolean {
  return isObject(value) && CONNECTIONS.includes(value["status"]);
}

function isRun(value: unknown): boolean {
  if (!isObject(value)) return false;
  return [value["runId"], value["runUrl"]].every((item) => item === undefined || typeof item === "string");
}

const CONNECTIONS: readonly unknown[] = ["connecting", "open", "waiting"];

// The server has checked it; the fold passes over what it does not know.
function isRunEvent(value: unknown): boolean {
  return isObject(value) && (typeof value["type"] === "string" || typeof value["event"] === "string");
}
