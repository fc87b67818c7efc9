import { isObject } from "../base/json.ts";
import { isApplicationEvent, textOf } from "../chat/index.ts";
import type { ChatEvent, Message, RunEvent, TerminalEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { createAnswer } from "./answer.ts";
import type { Dialect, Frame } from "./types.ts";

/**
 * The steps of a graph: text as `stream_event {type: "chunk", content}`, every other chat event as a `stream_event` of
 * its own type, then `final` with the whole answer, or `error`.
 */
export const graphDialect: Dialect = createGraphDialect({
  name: "graph",
  text: (literal) => `{"type":"chunk","content":"${literal}"}`,
  word: (event) => (event.type === "text-start" || event.type === "text-end" ? undefined : event),
});

export interface GraphWords {
  readonly name: string;
  /** The data of the `stream_event` for a piece of text, from its JSON literal without the quotes. */
  text(literal: string): string;
  /** The data of the `stream_event` for any other chat event; undefined for one that is not told. */
  word(event: Exclude<ChatEvent, TextDelta | TerminalEvent>): unknown;
}

type TextDelta = Extract<ChatEvent, { readonly type: "text-delta" }>;

/** A dialect of `stream_event`s that ends with `final`, which repeats the answer, or `error`. */
export function createGraphDialect({ name, text, word }: GraphWords): Dialect {
  // Only the end repeats the answer.
  function alone(event: RunEvent): readonly Frame[] | undefined {
    if (isApplicationEvent(event)) return [frame(event.event, event.data)];
    switch (event.type) {
      case "text-delta":
        return [{ event: "stream_event", data: text(JSON.stringify(event.delta).slice(1, -1)) }];
      case "finish":
      case "abort":
        return undefined;
      case "error":
        return [frame("error", { message: event.errorText, code: event.code ?? "PROCESSING_ERROR" })];
      default: {
        const data = word(event);
        return data === undefined ? [] : [frame("stream_event", data)];
      }
    }
  }
  return {
    name,
    headers: {},
    // A page that reads the response of a `fetch` by hand does not come back.
    resumes: false,
    alone: () => alone,
    quick(entry) {
      const delta = splitDelta(entry);
      if (!delta) return splitApplicationEvent(entry);
      return delta.head.startsWith(TEXT_DELTA) ? { event: "stream_event", data: text(delta.literal) } : undefined;
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
}

function final(message: Message): readonly Frame[] {
  return [frame("final", finalOf(message))];
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
