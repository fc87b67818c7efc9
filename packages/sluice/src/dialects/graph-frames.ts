import { isObject } from "../base/json.ts";
import type { ChatEvent } from "../chat/index.ts";
import { failed, finished, frameOf, truncated, type Decoder } from "./decoder.ts";
import { createLooseText } from "./loose-text.ts";

/** Frames of the `graph` dialect, as `{event, data}`. Text that follows text is one part. */
export function createGraphDecoder(): Decoder {
  const loose = createLooseText();
  return {
    add(frame) {
      const { name, data, fields } = frameOf(frame);
      switch (name) {
        case "stream_event":
          if (fields["type"] === "chunk") return loose.text(String(fields["content"]));
          return loose.event(fields as unknown as ChatEvent); // checked where it is appended
        case "final": {
          const { finishReason, ...metadata } = isObject(fields["metadata"]) ? fields["metadata"] : {};
          const told: ChatEvent = { type: "message-metadata", messageMetadata: metadata };
          const known = Object.keys(metadata).length === 0 ? [] : [told];
          return [...known, finished(finishReason, metadata["usage"])].flatMap((event) => loose.event(event));
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
