import { isObject } from "../base/json.ts";
import { createEventParser } from "../sse/parse.ts";

/** Reads an answer of `/stream` by hand: each chunk of the body becomes the text that it adds. */
export interface ChunkParser {
  /**
   * What this chunk adds to the text. Chunks may be cut anywhere, so call it once for each, in their order: not inside a
   * state updater of React, which may run twice.
   * @param chunk as bytes, or decoded with `{stream: true}`
   * @throws SluiceError `sse/event-too-large`
   */
  push(chunk: Uint8Array | string): string;
  /** The whole answer, once it has come. Where neither it nor an error came before the end, the answer is cut off. */
  readonly final: FinalAnswer | undefined;
  /** Why there is no more, when the answer failed. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

export interface FinalAnswer {
  readonly text: string;
  readonly attachments: readonly unknown[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** For the dialects `graph`, `graph-channels` and `simple`. What else an answer holds is passed over. */
export function createChunkParser(): ChunkParser {
  const events = createEventParser();
  let final: FinalAnswer | undefined;
  let error: ChunkParser["error"];

  const take = (event: string, data: Record<string, unknown>): string => {
    switch (event) {
      case "chunk":
        return textOf(data["content"]);
      case "stream_event":
        return data["type"] === "chunk" ? textOf(data["content"]) : deltaOf(data);
      case "final":
      case "message":
        final ??= finalOf(data);
        return "";
      case "error":
        error ??= { code: textOf(data["code"]), message: textOf(data["message"]) };
        return "";
      default:
        return "";
    }
  };

  return {
    push(chunk) {
      const text = events.push(chunk).map(({ event, data }) => take(event, parsed(data)));
      events.check();
      return text.join("");
    },
    get final() {
      return final;
    },
    get error() {
      return error;
    },
  };
}

function deltaOf({ channel, delta }: Record<string, unknown>): string {
  return channel === "text" && isObject(delta) && delta["type"] === "text_chunk" ? textOf(delta["text"]) : "";
}

// `message` of the simple dialect has the text as `content`.
function finalOf(data: Record<string, unknown>): FinalAnswer {
  const { text, content, attachments, metadata } = data;
  return {
    text: textOf(text ?? content),
    attachments: Array.isArray(attachments) ? attachments : [],
    metadata: isObject(metadata) ? metadata : {},
  };
}

function parsed(data: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : {};
  } catch {
    return {}; // an event of somebody else
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
