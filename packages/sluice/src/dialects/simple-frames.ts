import { SluiceError, isErrorCode } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { RunEvent } from "../chat/index.ts";
import { finished, truncated, type Decoder } from "./decoder.ts";
import { createParts } from "./parts.ts";

/** Frames of the `simple` dialect, as `{event, data}`: the answer of another Sluice, or of a server like it. */
export function createSimpleDecoder(): Decoder {
  const parts = createParts();
  let streamed = false;
  let metadata: unknown;

  const addText = (text: unknown): readonly RunEvent[] => {
    if (typeof text !== "string") return [];
    streamed = true;
    return parts.add("text", text);
  };

  return {
    add(frame) {
      if (!isObject(frame) || typeof frame["event"] !== "string") return [];
      const { event, data } = frame;
      const fields = isObject(data) ? data : {};
      switch (event) {
        case "typing":
        case "heartbeat":
        case "ping":
          return [];
        case "chunk":
          return addText(fields["content"]);
        case "message":
          metadata = fields["metadata"];
          return streamed ? [] : addText(fields["content"]);
        case "progress":
          return [{ type: "data-progress", data }];
        case "done":
          return [
            ...parts.end(),
            ...(metadata === undefined ? [] : [{ type: "message-metadata" as const, messageMetadata: metadata }]),
            finished(fields["finishReason"], fields["usage"]),
          ];
        case "error": {
          const code = isErrorCode(fields["code"]) ? fields["code"] : "llm/failed";
          throw new SluiceError(code, "The source reported an error.", { cause: data });
        }
        default:
          return [{ event, data }];
      }
    },
    end() {
      throw truncated();
    },
  };
}

/** Whether a stream whose first event has this name is in the `simple` dialect. */
export function isSimpleBeginning(event: unknown): boolean {
  return event === "typing" || event === "chunk";
}
