import { isObject } from "../base/json.ts";
import { isApplicationEvent, textOf, type Message, type RunEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { createAnswer } from "./answer.ts";
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
  alone: () => alone,
  quick(entry) {
    const delta = splitDelta(entry);
    if (!delta) return splitApplicationEvent(entry);
    if (!delta.head.startsWith(TEXT_DELTA)) return undefined;
    return { event: "stream_event", data: `{"type":"chunk","content":"${delta.literal}"}` };
  },
  final,
  open({ runId }) {
    const answer = createAnswer(runId);
    return (event) => {
      answer.add(event);
      return alone(event) ?? final(answer.message);
    };
  },
};

function final(message: Message): readonly Frame[] {
  return [frame("final", finalOf(message))];
}

// Only the end repeats the answer.
function alone(event: RunEvent): readonly Frame[] | undefined {
  if (isApplicationEvent(event)) return [frame(event.event, event.data)];
  switch (event.type) {
    case "text-start":
    case "text-end":
      return [];
    case "text-delta":
      return [frame("stream_event", { type: "chunk", content: event.delta })];
    case "finish":
    case "abort":
      return undefined;
    case "error":
      return [frame("error", { message: event.errorText, code: event.code ?? "PROCESSING_ERROR" })];
    default:
      return [frame("stream_event", event)];
  }
}

/** A whole answer, as `final` has it. */
export interface Final {
  readonly text: string;
  readonly attachments: readonly { readonly url: string; readonly mediaType: string }[];
  /** That of the message, with its `usage`, and why it ended: a finish reason, or `abort`. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function finalOf(message: Message): Final {
  const { metadata, usage, status } = message;
  const finishReason = status === "aborted" ? "abort" : message.finishReason;
  return {
    text: textOf(message),
    attachments: message.parts.flatMap((part) =>
      part.type === "file" && "url" in part ? [{ url: part.url, mediaType: part.mediaType }] : [],
    ),
    metadata: {
      ...(isObject(metadata) ? metadata : {}),
      ...(finishReason === undefined ? {} : { finishReason }),
      ...(usage === undefined ? {} : { usage }),
    },
  };
}

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
