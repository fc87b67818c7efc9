import { isObject } from "../base/json.ts";
import type { ChatEvent } from "../chat/index.ts";
import { failed, finished, frameOf, truncated, type Decoder } from "./decoder.ts";
import { createLooseText } from "./loose-text.ts";

/** Frames of the `text` dialect, as `{event, data}`: the data of `message` is text, any other is a value. */
export function createTextDecoder(): Decoder {
  const loose = createLooseText();
  return {
    add(frame) {
      const { name, data, fields } = frameOf(frame);
      if (name === "message") return loose.text(String(data));
      switch (name) {
        case "stream_event":
          return loose.event(fields as unknown as ChatEvent); // checked where it is appended
        case "done": {
          const { event, finishReason, usage } = fields;
          return loose.event(isObject(event) ? (event as unknown as ChatEvent) : finished(finishReason, usage));
        }
        case "error":
          return [failed(fields)];
        default:
          return [{ event: name, data }];
      }
    },
    end() {
      throw truncated();
    },
  };
}
