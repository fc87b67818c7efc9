import { isObject } from "../base/json.ts";
import { isTerminal, type ChatEvent, type TerminalEvent } from "../chat/index.ts";
import { failed, finished, frameOf, truncated, type Decoder } from "./decoder.ts";
import { createLooseText } from "./loose-text.ts";
import { openAIUsage } from "./openai-usage.ts";

/** Frames of the `update` dialect, as `{event, data}`, or of a server that gives no more than `delta`. */
export function createUpdateDecoder(): Decoder {
  const loose = createLooseText();
  let terminal: TerminalEvent | undefined;
  return {
    add(frame) {
      const { name, data, fields } = frameOf(frame);
      if (name === "error") return [failed(fields)];
      if (name === "done") return loose.event(terminal ?? finished(reasonOf(fields), openAIUsage(fields["usage"])));
      if (name !== "update") return [{ event: name, data }];
      const { delta, id, event } = fields;
      if (isObject(event)) {
        const chat = chatEvent(event, delta);
        if (!isTerminal(chat)) return loose.event(chat);
        terminal = chat; // `done` comes after it
        return [];
      }
      if (typeof id === "string") return [{ type: "text-delta", id, delta: String(delta) }];
      return typeof delta === "string" ? loose.text(delta) : [];
    },
    end() {
      if (terminal) return loose.event(terminal);
      throw truncated();
    },
  };
}

/** Checked where it is appended. */
function chatEvent(event: Readonly<Record<string, unknown>>, delta: unknown): ChatEvent {
  return (event["type"] === "text-delta" ? { ...event, delta } : event) as unknown as ChatEvent;
}

function reasonOf({ finish_reason: reason }: Readonly<Record<string, unknown>>): unknown {
  return typeof reason === "string" ? reason.replace("_", "-") : undefined;
}
