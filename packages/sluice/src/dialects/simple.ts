import { isApplicationEvent, textOf, type Message, type RunEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { createAnswer } from "./answer.ts";
import type { Dialect, Frame } from "./types.ts";

/** The text of an answer in named events: `typing`, `chunk`, `progress`, then `message` with `done`, or `error`. */
export const simpleDialect: Dialect = {
  name: "simple",
  headers: {},
  resumes: true,
  alone: () => alone,
  quick(entry) {
    const delta = splitDelta(entry);
    if (!delta) return splitApplicationEvent(entry);
    if (!delta.head.startsWith(TEXT_DELTA)) return undefined;
    return { event: "chunk", data: `{"content":"${delta.literal}"}` };
  },
  final: ending,
  open({ runId }) {
    const answer = createAnswer(runId);
    return (event) => {
      answer.add(event);
      return alone(event) ?? ending(answer.message);
    };
  },
};

// Only the end repeats the answer.
function alone(event: RunEvent): readonly Frame[] | undefined {
  if (isApplicationEvent(event)) return [frame(event.event, event.data)];
  switch (event.type) {
    case "start":
      return [frame("typing", { isTyping: true })];
    case "text-delta":
      return [frame("chunk", { content: event.delta })];
    case "data-progress":
      return [frame("progress", event.data)];
    case "finish":
    case "abort":
      return undefined;
    case "error":
      return [frame("error", { code: event.code ?? "PROCESSING_ERROR", message: event.errorText })];
    default:
      return [];
  }
}

function ending(message: Message): readonly Frame[] {
  const { id, role, status, usage, metadata } = message;
  const finishReason = status === "aborted" ? "abort" : (message.finishReason ?? "stop");
  return [
    // What `done` does not tell of.
    frame("message", { id, role, content: textOf(message), ...(isUsage(metadata, usage) ? {} : { metadata }) }),
    frame("done", { finishReason, ...(usage === undefined ? {} : { usage }) }),
  ];
}

function isUsage(metadata: unknown, usage: Message["usage"]): boolean {
  if (metadata === undefined) return true;
  return usage !== undefined && JSON.stringify(metadata) === JSON.stringify({ usage });
}

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
