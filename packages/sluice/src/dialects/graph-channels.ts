import { isObject } from "../base/json.ts";
import { isApplicationEvent, type DataEvent, type Message, type RunEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { createAnswer } from "./answer.ts";
import { finalOf } from "./graph.ts";
import type { Dialect, Frame } from "./types.ts";

/**
 * The newer words of seed 004: `stream_event {channel, delta}`. What the user reads is on the channel `text`, how it came
 * to be on `processing`: text as `text_chunk`, tools and nodes as `step_started`, `tool_input_chunk` and
 * `tool_output_chunk` with the step they belong to (`json: true` where an output was no text), every other chat event as a delta of its own type. Then `final` or
 * `error`, as in `graph`.
 */
export const graphChannelsDialect: Dialect = {
  name: "graph-channels",
  headers: {},
  resumes: false,
  alone: () => alone,
  quick(entry) {
    const delta = splitDelta(entry);
    if (!delta) return splitApplicationEvent(entry);
    if (!delta.head.startsWith(TEXT_DELTA)) return undefined;
    const data = `{"channel":"text","delta":{"type":"text_chunk","text":"${delta.literal}"}}`;
    return { event: "stream_event", data };
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
    case "reasoning-start":
    case "reasoning-end":
      return [];
    case "text-delta":
      return on("text", { type: "text_chunk", text: event.delta });
    case "file":
    case "source-url":
    case "source-document":
      return on("text", event);
    case "reasoning-delta":
      return on("processing", { type: "text_chunk", text: event.delta });
    case "tool-input-start": {
      const { type: _type, toolCallId: id, toolName: name, ...more } = event;
      if (hasAny(more, ["id", "name"])) return on("processing", event);
      return on("processing", { type: "step_started", step: { ...more, type: "tool_use", id, name } });
    }
    case "tool-input-delta":
      return on("processing", { type: "tool_input_chunk", stepId: event.toolCallId, chunk: event.inputTextDelta });
    case "tool-output-available": {
      const { type: _type, toolCallId: stepId, output, ...more } = event;
      if (output === undefined || event.preliminary === true || hasAny(more, ["stepId", "chunk", "json", "step"])) {
        return on("processing", event);
      }
      const said = typeof output === "string" ? { chunk: output } : { chunk: JSON.stringify(output), json: true };
      return on("processing", { ...more, type: "tool_output_chunk", stepId, ...said });
    }
    case "data-step":
      return on("processing", stepOf(event) ?? event);
    case "finish":
    case "abort":
      return undefined;
    case "error":
      return [frame("error", { message: event.errorText, code: event.code ?? "PROCESSING_ERROR" })];
    default:
      return on("processing", event);
  }
}

/** Keys that travel along, and have the names of ours. */
function hasAny(more: object, keys: readonly string[]): boolean {
  return keys.some((key) => Object.hasOwn(more, key));
}

function on(channel: "text" | "processing", delta: unknown): readonly Frame[] {
  return [frame("stream_event", { channel, delta })];
}

// Of a graph's node; another application may mean something else by it.
function stepOf({ id, data, transient }: DataEvent): unknown {
  if (id === undefined || transient !== true || !isObject(data) || typeof data["name"] !== "string") return undefined;
  if (Object.keys(data).length > 1) return undefined;
  return { type: "step_started", step: { type: "node", id, name: data["name"] } };
}

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
