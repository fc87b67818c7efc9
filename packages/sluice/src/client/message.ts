import { SluiceError } from "../base/errors.ts";
import { createFold, type ChatEvent, type Message } from "../chat/index.ts";
import { parseObject } from "./refusal.ts";
import type { StreamEvent } from "./types.ts";

/**
 * The message so far, after each event of a stream in the `ai-sdk` dialect. It is complete when its status is no
 * longer `streaming`.
 * @throws SluiceError `chat/invalid-event` for an event of another dialect; what the events or the fold throw
 */
export async function* readMessage(events: AsyncIterable<StreamEvent>): AsyncGenerator<Message> {
  const fold = createFold();
  for await (const { data } of events) {
    if (data === "[DONE]") continue;
    fold.add(parseChatEvent(data));
    yield fold.message;
  }
}

// The server has checked it; the fold passes over what it does not know.
function parseChatEvent(data: string): ChatEvent {
  const parsed = parseObject(data);
  if (typeof parsed["type"] === "string") return parsed as unknown as ChatEvent;
  throw new SluiceError("chat/invalid-event", "This is no event of the ai-sdk dialect.");
}
