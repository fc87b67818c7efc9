import { isObject } from "../base/json.ts";
import { END, truncated, type Decoder } from "./decoder.ts";
import { createOpenAIChatDecoder } from "./openai-chat.ts";
import { createOpenAIResponsesDecoder } from "./openai-responses.ts";
import { createRunEventDecoder } from "./run-events.ts";
import { createSimpleDecoder, isSimpleBeginning } from "./simple-frames.ts";
import { createUIMessageDecoder } from "./ui-message-stream.ts";

/**
 * A decoder for items of any known kind: the first one tells which.
 * @param options.remote they come over a connection, so that their end alone does not tell that they are all
 */
export function createItemDecoder(options: { readonly remote: boolean }): Decoder {
  const { remote } = options;
  let chosen: Decoder | undefined;
  /** Only data, sources and files have come, which a stream of the AI SDK may have before its `start`, and ours too. */
  let early = true;
  return {
    add(item) {
      if (chosen === undefined || (early && typeOf(item) === "start")) chosen = decoderFor(item, remote);
      early &&= EARLY.test(typeOf(item));
      return chosen.add(item);
    },
    end() {
      if (chosen === undefined && remote) throw truncated();
      return chosen?.end() ?? [];
    },
  };
}

const EARLY = /^(?:data-|source-|file$|message-metadata$)/;

function typeOf(item: unknown): string {
  return isObject(item) && typeof item["type"] === "string" ? item["type"] : "";
}

function decoderFor(first: unknown, remote: boolean): Decoder {
  if (first === END) throw truncated(); // whose protocol this would be is not known
  const { type, event, choices, error, errorText } = isObject(first) ? first : {};
  if (Array.isArray(choices) || (type === undefined && isObject(error))) return createOpenAIChatDecoder();
  if (typeof type === "string" && type.startsWith("response.")) return createOpenAIResponsesDecoder();
  if (type === "error" && typeof errorText !== "string") return createOpenAIResponsesDecoder();
  if (remote && type === undefined && isSimpleBeginning(event)) return createSimpleDecoder();
  // A stream of the AI SDK begins with `start`. One that does must also say how it ends.
  return type === "start" || remote ? createRunEventDecoder(createUIMessageDecoder()) : createRunEventDecoder();
}
