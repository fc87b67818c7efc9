import { isObject } from "../base/json.ts";
import type { ChatEvent, DataEvent } from "../chat/index.ts";
import { createGraphDialect } from "./graph.ts";
import type { Dialect } from "./types.ts";

/**
 * The newer words of seed 004: `stream_event {channel, delta}`. What the user reads is on the channel `text`, how it came
 * to be on `processing`: text as `text_chunk`, tools and nodes as `step_started`, `tool_input_chunk` and
 * `tool_output_chunk` with the step they belong to (`json: true` where an output was no text), every other chat event as
 * a delta of its own type. Then `final` or `error`, as in `graph`.
 */
export const graphChannelsDialect: Dialect = createGraphDialect({
  name: "graph-channels",
  text: (literal) => `{"channel":"text","delta":{"type":"text_chunk","text":"${literal}"}}`,
  word(event) {
    switch (event.type) {
      case "text-start":
      case "text-end":
      case "reasoning-start":
      case "reasoning-end":
        return undefined;
      case "file":
      case "source-url":
      case "source-document":
        return { channel: "text", delta: event };
      default:
        return { channel: "processing", delta: processing(event) };
    }
  },
});

function processing(event: ChatEvent): unknown {
  switch (event.type) {
    case "reasoning-delta":
      return { type: "text_chunk", text: event.delta };
    case "tool-input-start": {
      const { type: _type, toolCallId: id, toolName: name, ...more } = event;
      if (hasAny(more, ["id", "name"])) return event;
      return { type: "step_started", step: { ...more, type: "tool_use", id, name } };
    }
    case "tool-input-delta":
      return { type: "tool_input_chunk", stepId: event.toolCallId, chunk: event.inputTextDelta };
    case "tool-output-available": {
      const { type: _type, toolCallId: stepId, output, ...more } = event;
      const kept = output === undefined || event.preliminary === true;
      if (kept || hasAny(more, ["stepId", "chunk", "json", "step"])) return event;
      const said = typeof output === "string" ? { chunk: output } : { chunk: JSON.stringify(output), json: true };
      return { ...more, type: "tool_output_chunk", stepId, ...said };
    }
    case "data-step":
      return stepOf(event) ?? event;
    default:
      return event;
  }
}

/** Keys that travel along, and have the names of ours. */
function hasAny(more: object, keys: readonly string[]): boolean {
  return keys.some((key) => Object.hasOwn(more, key));
}

// Of a graph's node; another application may mean something else by it.
function stepOf({ id, data, transient }: DataEvent): unknown {
  if (id === undefined || transient !== true || !isObject(data) || typeof data["name"] !== "string") return undefined;
  if (Object.keys(data).length > 1) return undefined;
  return { type: "step_started", step: { type: "node", id, name: data["name"] } };
}
