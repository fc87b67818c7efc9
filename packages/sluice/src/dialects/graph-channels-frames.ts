import { isObject } from "../base/json.ts";
import type { ChatEvent, RunEvent } from "../chat/index.ts";
import { toItem, type Decoder } from "./decoder.ts";
import { createGraphDecoder } from "./graph-frames.ts";
import { createParts } from "./parts.ts";

/**
 * Frames of the `graph-channels` dialect, as `{event, data}`. Text that follows text of its channel is one part; what is
 * said on `processing` is reasoning.
 */
export function createGraphChannelsDecoder(): Decoder {
  const parts = createParts();
  const graph = createGraphDecoder(); // for everything that both word alike
  return {
    add(frame) {
      const { event, data } = isObject(frame) ? frame : {};
      if (event === "final") return [...parts.end(), ...graph.add(frame)];
      if (event !== "stream_event" || !isObject(data) || !isObject(data["delta"])) return graph.add(frame);
      const { channel, delta } = data;
      if (delta["type"] === "text_chunk") {
        return parts.add(channel === "processing" ? "reasoning" : "text", String(delta["text"]));
      }
      const said = eventOf(delta);
      return "type" in said && said.type.startsWith("data-") ? [said] : [...parts.end(), said];
    },
    end: () => graph.end(),
  };
}

// Checked where it is appended.
function eventOf(delta: Record<string, unknown>): RunEvent {
  const { type, stepId: toolCallId, chunk, json, step, ...more } = delta;
  switch (type) {
    case "step_started":
      return stepOf(isObject(step) ? step : {});
    case "tool_input_chunk":
      return { type: "tool-input-delta", toolCallId, inputTextDelta: chunk } as ChatEvent;
    case "tool_output_chunk": {
      const output: unknown = json === true ? toItem(String(chunk)) : chunk;
      return { type: "tool-output-available", toolCallId, output, ...more } as ChatEvent;
    }
    default:
      return delta as unknown as ChatEvent;
  }
}

function stepOf({ type, id, name, ...more }: Record<string, unknown>): ChatEvent {
  if (type === "node") return { type: "data-step", id: String(id), data: { name }, transient: true };
  return { type: "tool-input-start", toolCallId: String(id), toolName: String(name), ...more };
}
