import type { ChatEvent } from "../chat/events.ts";
import type { JsonObject } from "../base/json.ts";

export interface ModelMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
  /** What the user sent along. */
  readonly files?: readonly ModelFile[];
}

export interface ModelFile {
  /** `data:…;base64,…`, or the `https:` address of an image. */
  readonly url: string;
  /** `type/subtype`. */
  readonly mediaType: string;
  readonly filename?: string;
}

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  /** A model of the provider; its default when absent. */
  readonly model?: string;
  readonly settings?: JsonObject;
}

/**
 * A language model that answers in chat events: from the first content event to `finish` (which it must give), without
 * `start`. Aborting the signal ends the provider's call. A failure is thrown as SluiceError `llm/*`.
 */
export interface Model {
  readonly name: string;
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ChatEvent>;
}
