import { isObject } from "../base/json.ts";
import { isApplicationEvent, type RunEvent } from "../chat/index.ts";
import type { Dialect, Frame } from "./types.ts";

/**
 * The steps of a graph: text as `stream_event {type: "chunk", content}`, every other chat event as a `stream_event` of
 * its own type, then `final` with the whole answer, or `error`.
 */
export const graphDialect: Dialect = {
  name: "graph",
  headers: {},
  // A page that reads the response of a `fetch` by hand does not come back.
  resumes: false,
  stateless: false,
  open() {
    let text = "";
    let metadata: Readonly<Record<string, unknown>> = {};
    const attachments: object[] = [];

    const addMetadata = (more: unknown): void => {
      if (isObject(more)) metadata = { ...metadata, ...more };
    };
    const final = (finishReason: string): Frame =>
      frame("final", { text, attachments, metadata: { ...metadata, finishReason } });

    return (event: RunEvent) => {
      if (isApplicationEvent(event)) return [frame(event.event, event.data)];
      if ("messageMetadata" in event) addMetadata(event.messageMetadata);
      switch (event.type) {
        case "text-start":
        case "text-end":
          return [];
        case "text-delta":
          text += event.delta;
          return [frame("stream_event", { type: "chunk", content: event.delta })];
        case "finish":
          return [final(event.finishReason ?? "stop")];
        case "abort":
          return [final("abort")];
        case "error":
          return [frame("error", { message: event.errorText, code: event.code ?? "PROCESSING_ERROR" })];
        case "file": {
          const { type: _, ...attachment } = event;
          attachments.push(attachment);
          return [frame("stream_event", event)];
        }
        default:
          return [frame("stream_event", event)];
      }
    };
  },
};

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
