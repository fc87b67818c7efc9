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
  const typed = createRunEventDecoder(createUIMessageDecoder());
  let chosen: Decoder | undefined;
  let early = false;

  const choose = (item: unknown): Decoder => {
    if (early) return remote || typeOf(item) === "start" ? typed : createRunEventDecoder();
    return decoderFor(item, { remote, typed });
  };

  return {
    add(item) {
      if (chosen === undefined && EARLY.test(typeOf(item))) {
        early = true;
        return typed.add(item);
      }
      chosen ??= choose(item);
      return chosen.add(item);
    },
    end() {
      if (chosen === undefined && remote) throw truncated();
      return chosen?.end() ?? [];
    },
  };
}

/** What a stream of the AI SDK may have before its `start`, and ours too: it tells of neither. */
const EARLY = /^(?:data-|source-|file$|message-metadata$)/;

function typeOf(item: unknown): string {
  return isObject(item) && typeof item["type"] === "string" ? item["type"] : "";
}

function decoderFor(first: unknown, { remote, typed }: { readonly remote: boolean; readonly typed: Decoder }): Decoder {
  if (first === END) throw truncated(); // whose protocol this would be is not known
  const { type, event, choices, error, errorText } = isObject(first) ? first : {};
  if (Array.isArray(choices) || (type === undefined && isObject(error))) return createOpenAIChatDecoder();
  if (typeof type === "string" && type.startsWith("response.")) return createOpenAIResponsesDecoder();
  if (type === "error" && typeof errorText !== "string") return createOpenAIResponsesDecoder();
  if (remote && type === undefined && isSimpleBeginning(event)) return createSimpleDecoder();
  // A stream of the AI SDK begins with `start`. One that does must also say how it ends.
  return type === "start" || remote ? typed : createRunEventDecoder();
}
