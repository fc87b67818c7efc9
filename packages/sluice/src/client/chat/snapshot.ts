import { IDLE, isOpen, type Conversation } from "./conversation.ts";
import type { ChatError, ChatSnapshot } from "./types.ts";

/** What is beside the conversation. */
export interface Loading {
  readonly loading: boolean;
  /** The history could not be had. */
  readonly error: ChatError | undefined;
}

export function snapshotOf(conversation: Conversation, { loading, error: unloaded }: Loading): ChatSnapshot {
  const { threadId, messages, turns } = conversation;
  const open = turns.filter(isOpen);
  const last = turns.at(-1);
  const error = open.length > 0 ? undefined : (last?.error ?? unloaded);
  return {
    threadId,
    messages,
    status: open.length > 0 ? statusOf(open) : error === undefined ? "ready" : "error",
    stopping: open.some(({ stopping }) => stopping),
    ...(error === undefined ? {} : { error }),
    connection: open.at(-1)?.connection ?? IDLE,
    loading,
  };
}

function statusOf(open: Conversation["turns"]): "submitted" | "streaming" {
  return open.some(({ status }) => status === "streaming") ? "streaming" : "submitted";
}
