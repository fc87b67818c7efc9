import { isObject } from "../base/json.ts";
import type { RunEvent } from "../chat/index.ts";
import { END, unsupported, type Decoder } from "./decoder.ts";
import { createParts } from "./parts.ts";

/**
 * Strings and our own events, mixed as they come. Strings that follow each other are one text part, which an event of
 * the message ends. Events are not checked here but where they are appended.
 * @param typed takes the events with a `type`, and says how the stream ends. Without it they stay as they are, and the
 * stream need not say that it ends.
 */
export function createRunEventDecoder(typed?: Decoder): Decoder {
  const parts = createParts();
  return {
    add(item) {
      if (typeof item === "string") return parts.add("text", item);
      if (item === END) return [...parts.end(), ...(typed?.add(END) ?? [])];
      if (isObject(item) && typeof item["type"] === "string") {
        const ended = item["type"].startsWith("data-") ? [] : parts.end();
        return [...ended, ...(typed?.add(item) ?? [item as unknown as RunEvent])];
      }
      if (isObject(item) && "event" in item) return [item as unknown as RunEvent];
      throw unsupported("The source holds something that is neither text nor an event.");
    },
    end: () => [...parts.end(), ...(typed?.end() ?? [])],
  };
}
