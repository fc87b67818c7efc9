import { isApplicationEvent, textOf } from "../chat/index.ts";
import { createAnswer } from "./answer.ts";
import type { Dialect, Frame } from "./types.ts";

/** The text of an answer in named events: `typing`, `chunk`, `progress`, then `message` with `done`, or `error`. */
export const simpleDialect: Dialect = {
  name: "simple",
  headers: {},
  resumes: true,
  stateless: false,
  open({ runId }) {
    const answer = createAnswer(runId);

    const ending = (finishReason: string): readonly Frame[] => {
      const { message } = answer;
      const { id, role, usage } = message;
      return [
        frame("message", { id, role, content: textOf(message) }),
        frame("done", { finishReason, ...(usage === undefined ? {} : { usage }) }),
      ];
    };

    return (event) => {
      if (isApplicationEvent(event)) return [frame(event.event, event.data)];
      answer.add(event);
      switch (event.type) {
        case "start":
          return [frame("typing", { isTyping: true })];
        case "text-delta":
          return [frame("chunk", { content: event.delta })];
        case "data-progress":
          return [frame("progress", event.data)];
        case "finish":
          return ending(event.finishReason ?? "stop");
        case "abort":
          return ending("abort");
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
