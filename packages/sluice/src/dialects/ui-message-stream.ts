import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { ChatEvent } from "../chat/index.ts";

export async function* fromUIMessageStream(chunks: AsyncIterable<unknown>): AsyncGenerator<ChatEvent> {
  for await (const chunk of chunks) {
    if (!isObject(chunk)) throw new SluiceError("run/source-unsupported", "not a chunk");
    yield chunk as unknown as ChatEvent;
  }
}
