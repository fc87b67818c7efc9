import { isApplicationEvent, type RunEvent } from "../chat/index.ts";
import { usageOf } from "./metadata.ts";
import type { Dialect, Frame, WordingContext } from "./types.ts";

/** The text of an answer in named events: `typing`, `chunk`, `progress`, then `message` with `done`, or `error`. */
export const simpleDialect: Dialect = {
  name: "simple",
  headers: {},
  resumes: true,
  stateless: false,
  open({ runId }: WordingContext) {
    let id = runId;
    let content = "";

    const message = (): Frame => frame("message", { id, role: "assistant", content });

    return (event: RunEvent) => {
      if (isApplicationEvent(event)) return [frame(event.event, event.data)];
      switch (event.type) {
        case "start":
          id = event.messageId ?? id;
          return [frame("typing", { isTyping: true })];
        case "text-delta":
          content += event.delta;
          return [frame("chunk", { content: event.delta })];
        case "data-progress":
          return [frame("progress", event.data)];
        case "finish": {
          const usage = usageOf(event.messageMetadata);
          const finishReason = event.finishReason ?? "stop";
          return [message(), frame("done", { finishReason, ...(usage === undefined ? {} : { usage }) })];
        }
        case "abort":
          return [message(), frame("done", { finishReason: "abort" })];
        case "error":
          return [frame("error", { code: event.code ?? "PROCESSING_ERROR", message: event.errorText })];
        default:
          return [];
      }
    };
  },
};

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
