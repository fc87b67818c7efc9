import { isObject } from "../base/json.ts";
import type { FileEvent, FinishReason, Usage } from "../chat/index.ts";

/** A piece of what a message of LangChain holds. */
export type Piece = { readonly kind: "text" | "reasoning"; readonly text: string } | { readonly file: FileEvent };

/** A tool call of a message, or a fragment of one. */
export interface ToolPiece {
  readonly id?: string;
  readonly index?: number;
  readonly name?: string;
  /** JSON, as far as it goes. */
  readonly args: string;
}

/** The type that a message says it is (`ai`, `tool`, `human`); undefined for what is no message. */
export function messageType(value: unknown): string | undefined {
  if (!isObject(value) || typeof value["getType"] !== "function") return undefined;
  const type: unknown = (value as { getType(): unknown }).getType();
  return typeof type === "string" ? type : undefined;
}

/** Texts, reasoning and files of a message in their order. White space is text; only nothing is left out. */
export function piecesOf(message: Record<string, unknown>): readonly Piece[] {
  const { content, additional_kwargs: more } = message;
  const thought = isObject(more) ? more["reasoning_content"] : undefined;
  const blocks = Array.isArray(content) ? (content as readonly unknown[]) : [content];
  return [...spoken("reasoning", thought), ...blocks.flatMap(pieceOf)];
}

function pieceOf(block: unknown): readonly Piece[] {
  if (!isObject(block)) return spoken("text", block);
  switch (block["type"]) {
    case "text":
      return spoken("text", block["text"]);
    case "reasoning":
      return spoken("reasoning", block["reasoning"]);
    case "thinking":
      return spoken("reasoning", block["thinking"]);
    case "image_url": {
      const { image_url: image } = block;
      return fileOf({ url: isObject(image) ? image["url"] : image, mediaType: "image/*" });
    }
    case "image":
    case "audio":
    case "video":
    case "file":
      return fileOf(block);
    default:
      return [];
  }
}

function spoken(kind: "text" | "reasoning", text: unknown): readonly Piece[] {
  return typeof text === "string" && text !== "" ? [{ kind, text }] : [];
}

function fileOf(block: Record<string, unknown>): readonly Piece[] {
  const file = attachmentOf(block);
  return file ? [{ file }] : [];
}

/**
 * An attachment as graphs write it: `{url}` or base64 `{data}`, with `mediaType`, `mimeType` or `mime_type`. The type in a
 * data URL counts before any other.
 */
export function attachmentOf(value: unknown): FileEvent | undefined {
  if (!isObject(value)) return undefined;
  const { url, data } = value;
  const said = [value["mediaType"], value["mimeType"], value["mime_type"]].find((type) => typeof type === "string");
  const mediaType = typeof said === "string" ? said : "application/octet-stream";
  if (typeof url === "string" && url !== "") {
    return { type: "file", url, mediaType: /^data:([^;,]+)/.exec(url)?.[1] ?? mediaType };
  }
  if (typeof data === "string" && data !== "") {
    return { type: "file", url: `data:${mediaType};base64,${data}`, mediaType };
  }
  return undefined;
}

/** Fragments of a chunk's tool calls. */
export function toolPieces(message: Record<string, unknown>): readonly ToolPiece[] {
  return objects(message["tool_call_chunks"]).map((chunk) => ({ ...callOf(chunk), args: textOf(chunk["args"]) }));
}

/** The tool calls of a complete message; those that are no JSON as the model wrote them. */
export function wholeToolCalls(message: Record<string, unknown>): readonly ToolPiece[] {
  const calls = objects(message["tool_calls"]).map((call) => ({
    ...callOf(call),
    args: JSON.stringify(call["args"] ?? {}),
  }));
  const broken = objects(message["invalid_tool_calls"]).map((call) => ({
    ...callOf(call),
    args: textOf(call["args"]),
  }));
  // Each is another call, also where they have no ids.
  return [...calls, ...broken].map((call, index) => ({ ...call, index }));
}

function callOf({ id, index, name }: Record<string, unknown>): Omit<ToolPiece, "args"> {
  return {
    ...(typeof id === "string" && id !== "" ? { id } : {}),
    ...(typeof index === "number" ? { index } : {}),
    ...(typeof name === "string" && name !== "" ? { name } : {}),
  };
}

/** Why the model ended, in our words. undefined where it does not say. */
export function finishReasonOf(message: Record<string, unknown>, info: unknown): FinishReason | undefined {
  const told = isObject(message["response_metadata"]) ? message["response_metadata"] : {};
  const reason = [isObject(info) ? info["finish_reason"] : undefined, told["finish_reason"], told["stop_reason"]].find(
    (one) => typeof one === "string",
  );
  switch (typeof reason === "string" ? reason.toLowerCase() : undefined) {
    case undefined:
      return undefined;
    case "stop":
    case "end_turn":
    case "stop_sequence":
      return "stop";
    case "length":
    case "max_tokens":
      return "length";
    case "tool_calls":
    case "tool_use":
    case "function_call":
      return "tool-calls";
    case "content_filter":
    case "safety":
    case "refusal":
      return "content-filter";
    default:
      return "other";
  }
}

/** The sum of what two calls used. */
export function addUsage(sum: Usage | undefined, message: Record<string, unknown>): Usage | undefined {
  const used = message["usage_metadata"];
  if (!isObject(used)) return sum;
  const { input_token_details: input, output_token_details: output } = used;
  const counted: readonly (readonly [keyof Usage, unknown])[] = [
    ["inputTokens", used["input_tokens"]],
    ["outputTokens", used["output_tokens"]],
    ["totalTokens", used["total_tokens"]],
    ["reasoningTokens", isObject(output) ? output["reasoning"] : undefined],
    ["cachedInputTokens", isObject(input) ? input["cache_read"] : undefined],
  ];
  const numbers = counted.filter((entry): entry is readonly [keyof Usage, number] => Number.isSafeInteger(entry[1]));
  if (numbers.length === 0) return sum;
  return { ...sum, ...Object.fromEntries(numbers.map(([name, count]) => [name, (sum?.[name] ?? 0) + count])) };
}

function objects(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
