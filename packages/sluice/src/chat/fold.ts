import { isApplicationEvent, isTerminal } from "./events.ts";
import type { RunEvent, TerminalEvent } from "./events.ts";
import type { Message } from "./message.ts";
import { createParts } from "./parts.ts";
import { mergeMetadata, usageOf } from "./metadata.ts";

/** Folds events as they come, with the meaning that the AI SDK gives them. */
export interface Fold {
  /**
   * Costs the same however long the message is. Types it does not know are passed over.
   * @throws SluiceError `chat/order` for a delta, an end or an output without its beginning
   */
  add(event: RunEvent): void;
  /** The message so far. It never changes any more; parts that have not changed are the same objects as before. */
  readonly message: Message;
}

/** @param messageId the message's id unless a `start` names another */
export function createFold(messageId = ""): Fold {
  const parts = createParts();
  let head: Omit<Message, "parts"> = { id: messageId, role: "assistant", status: "streaming" };
  let message: Message | undefined;

  const addMetadata = (added: unknown): void => {
    const metadata = mergeMetadata(head.metadata, added);
    if (metadata !== undefined) head = { ...head, metadata };
  };

  const end = (event: TerminalEvent): void => {
    parts.endStep();
    if (event.type === "finish") addMetadata(event.messageMetadata);
    head = { ...head, ...outcomeOf(event) };
  };

  const add = (event: RunEvent): void => {
    if (isApplicationEvent(event)) return;
    message = undefined;
    if (isTerminal(event)) end(event);
    else if (event.type === "start") {
      if (event.messageId !== undefined) head = { ...head, id: event.messageId };
      addMetadata(event.messageMetadata);
    } else if (event.type === "message-metadata") addMetadata(event.messageMetadata);
    else parts.add(event);
  };

  return {
    add,
    get message() {
      message ??= { ...head, parts: parts.list() };
      return message;
    },
  };
}

export function fold(events: Iterable<RunEvent>): Message {
  const whole = createFold();
  for (const event of events) whole.add(event);
  return whole.message;
}

export function textOf(message: Message): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function outcomeOf(event: TerminalEvent): Pick<Message, "status" | "finishReason" | "usage" | "error"> {
  switch (event.type) {
    case "finish": {
      const usage = usageOf(event.messageMetadata);
      const reason = event.finishReason === undefined ? {} : { finishReason: event.finishReason };
      return { status: "finished", ...reason, ...(usage === undefined ? {} : { usage }) };
    }
    case "abort":
      return { status: "aborted" };
    case "error":
      return { status: "failed", error: { code: event.code ?? "PROCESSING_ERROR", message: event.errorText } };
  }
}
