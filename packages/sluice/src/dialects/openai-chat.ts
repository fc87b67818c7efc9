import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { ChatEvent, FinishReason, Usage } from "../chat/index.ts";
import { END, decode, truncated, type Decoder } from "./decoder.ts";
import { openAIUsage } from "./openai-usage.ts";
import { createParts } from "./parts.ts";
import { completeToolInput, startToolInput, type ToolCall } from "./tool-input.ts";

/**
 * Chat events out of `chat.completion.chunk` objects, of OpenAI or of one of the many servers that speak like it.
 * Only the first choice is read. `finish` comes when the source ends, because the usage comes after the finish reason.
 * @throws SluiceError `run/source-truncated` for a stream that ends without a finish reason; `llm/failed` for one that
 * reports an error or holds something else
 */
export function fromOpenAIChat(chunks: AsyncIterable<unknown>): AsyncGenerator<ChatEvent> {
  return decode(chunks, createOpenAIChatDecoder());
}

export function createOpenAIChatDecoder(): Decoder<ChatEvent> {
  return new OpenAIChatDecoder();
}

interface Call extends ToolCall {
  readonly index: number | undefined;
  /** As the server says it: some give several calls the same, and ours are told apart. */
  readonly id: string | undefined;
  text: string;
}

class OpenAIChatDecoder implements Decoder<ChatEvent> {
  readonly #parts = createParts();
  readonly #calls: Call[] = [];
  #finishReason: FinishReason | undefined;
  #usage: Usage | undefined;
  #model: string | undefined;

  add(chunk: unknown): readonly ChatEvent[] {
    if (chunk === END) return this.end();
    if (!isObject(chunk)) throw new SluiceError("llm/failed", "The model sent something that is not a chunk.");
    if (chunk["error"] !== undefined && chunk["error"] !== null) {
      throw new SluiceError("llm/failed", "The model reported an error.", { cause: chunk["error"] });
    }
    this.#usage = openAIUsage(chunk["usage"]) ?? this.#usage;
    this.#model = nonEmpty(chunk["model"]) ?? this.#model;
    const choice = Array.isArray(chunk["choices"]) ? chunk["choices"].find(isFirstChoice) : undefined;
    if (!isObject(choice)) return [];
    const events = isObject(choice["delta"]) ? this.#addDelta(choice["delta"], chunk["id"]) : [];
    this.#finishReason = toFinishReason(choice["finish_reason"]) ?? this.#finishReason;
    return events;
  }

  end(): readonly ChatEvent[] {
    if (this.#finishReason === undefined) throw truncated();
    const metadata = {
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
      ...(this.#model === undefined ? {} : { model: this.#model }),
    };
    return [
      ...this.#parts.end(),
      ...this.#calls.map((call) => completeToolInput(call, call.text)),
      {
        type: "finish",
        finishReason: this.#finishReason,
        ...(Object.keys(metadata).length === 0 ? {} : { messageMetadata: metadata }),
      },
    ];
  }

  #addDelta(delta: Record<string, unknown>, chunkId: unknown): readonly ChatEvent[] {
    // Two names for one thing; a server that sends both sends the same text twice.
    const reasoning = nonEmpty(delta["reasoning_content"]) ?? nonEmpty(delta["reasoning"]) ?? "";
    const calls = Array.isArray(delta["tool_calls"]) ? delta["tool_calls"].filter(isObject) : [];
    return [
      ...this.#parts.add("reasoning", reasoning),
      ...this.#parts.add("text", contentOf(delta["content"])),
      ...this.#parts.add("text", nonEmpty(delta["refusal"]) ?? ""),
      ...calls.flatMap((call) => this.#addToolDelta(call, chunkId)),
    ];
  }

  #addToolDelta(delta: Record<string, unknown>, chunkId: unknown): readonly ChatEvent[] {
    const takes = isObject(delta["custom"]) ? "text" : "json";
    const named = isObject(delta["custom"]) ? delta["custom"] : isObject(delta["function"]) ? delta["function"] : {};
    const toolName = nonEmpty(named["name"]);
    const id = nonEmpty(delta["id"]);
    const index = typeof delta["index"] === "number" ? delta["index"] : undefined;
    const inputTextDelta = nonEmpty(takes === "text" ? named["input"] : named["arguments"]);
    const events: ChatEvent[] = [];

    let call = index === undefined ? this.#calls.at(-1) : this.#calls.findLast((known) => known.index === index);
    if (
      call === undefined ||
      (toolName !== undefined && isAnother(call, { id, index, toolName, input: inputTextDelta }))
    ) {
      if (toolName === undefined) throw new SluiceError("llm/failed", "The model called a tool without naming it.");
      const toolCallId = this.#unused(id ?? `${nonEmpty(chunkId) ?? "call"}-${this.#calls.length}`);
      call = { index, id, toolCallId, toolName, takes, text: "" };
      this.#calls.push(call);
      events.push(...this.#parts.end(), startToolInput(call));
    }
    if (inputTextDelta !== undefined) {
      call.text += inputTextDelta;
      events.push({ type: "tool-input-delta", toolCallId: call.toolCallId, inputTextDelta });
    }
    return events;
  }

  #unused(id: string): string {
    let unused = id;
    for (let count = 2; this.#calls.some(({ toolCallId }) => toolCallId === unused); count += 1) {
      unused = `${id}-${count}`;
    }
    return unused;
  }
}

interface Named {
  readonly id: string | undefined;
  readonly index: number | undefined;
  readonly toolName: string;
  readonly input: string | undefined;
}

// Some servers give every parallel call the index 0, or none, and tell them apart by id, or only by their names; or one
// begins where the input of the other is whole. A name alone may come with every fragment.
function isAnother(call: Call, { id, index, toolName, input = "" }: Named): boolean {
  if (id !== undefined) return id !== call.id;
  if (index === undefined) return true;
  return call.text !== "" && (toolName !== call.toolName || (input.trim() !== "" && isWhole(call.text)));
}

function isWhole(input: string): boolean {
  if (!input.trimEnd().endsWith("}")) return false; // most fragments: they are not to be parsed again and again
  try {
    JSON.parse(input);
    return true;
  } catch {
    return false;
  }
}

function isFirstChoice(choice: unknown): boolean {
  return isObject(choice) && (choice["index"] === undefined || choice["index"] === 0);
}

function toFinishReason(reason: unknown): FinishReason | undefined {
  switch (reason) {
    case undefined:
    case null:
    case "":
      return undefined;
    case "stop":
    case "length":
    case "error":
      return reason;
    case "content_filter":
      return "content-filter";
    case "tool_calls":
    case "function_call":
      return "tool-calls";
    default:
      return "other";
  }
}

// A string, or with some servers a list of parts.
function contentOf(content: unknown): string {
  const parts: readonly unknown[] = Array.isArray(content) ? content : [{ text: content }];
  return parts.map((part) => (isObject(part) ? (nonEmpty(part["text"]) ?? "") : "")).join("");
}

function nonEmpty(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
