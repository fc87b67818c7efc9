import { isObject } from "../base/json.ts";
import type { RunEvent } from "../chat/index.ts";
import { truncated, unsupported, type Decoder } from "./decoder.ts";

/** Frames of the `envelope` dialect, as `{event, data}`. */
export function createEnvelopeDecoder(): Decoder {
  return {
    add(frame) {
      const { event, data } = isObject(frame) ? frame : {};
      if (typeof event !== "string" || !isObject(data) || !isObject(data["meta"])) {
        throw unsupported("The source holds something that is no envelope.");
      }
      const { meta, payload } = data;
      if (isObject(meta["chat"])) return [chatEvent(meta["chat"], payload)];
      // That it has a `runId` is the dialect's doing; anything else makes it an envelope of the application's own.
      return [{ event, data: Object.keys(meta).some((key) => key !== "runId") ? data : payload }];
    },
    end() {
      throw truncated();
    },
  };
}

/** Checked where it is appended. */
function chatEvent(chat: Readonly<Record<string, unknown>>, payload: unknown): RunEvent {
  const fields = isObject(payload) ? payload : {};
  switch (chat["type"]) {
    case "text-delta":
      return { ...chat, delta: fields["text"] } as unknown as RunEvent;
    case "text-end":
    case "finish":
    case "abort":
    case "error":
      return chat as unknown as RunEvent;
    default:
      return { ...chat, ...fields } as unknown as RunEvent;
  }
}
