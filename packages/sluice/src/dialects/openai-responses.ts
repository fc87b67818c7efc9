import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { ChatEvent, FinishReason } from "../chat/index.ts";
import { END, decode, truncated, type Decoder } from "./decoder.ts";
import { openAIUsage } from "./openai-usage.ts";
import { createParts } from "./parts.ts";
import { completeToolInput, startToolInput, type ToolCall } from "./tool-input.ts";

/**
 * Chat events out of `response.*` events of OpenAI's Responses API. Types that say nothing about text, reasoning,
 * function calls or the end are ignored, those of tomorrow included.
 * @throws SluiceError `run/source-truncated` for a stream without `response.completed`, `.incomplete` or `.failed`;
 * `llm/failed` for one that reports a failure or holds something else
 */
export function fromOpenAIResponses(events: AsyncIterable<unknown>): AsyncGenerator<ChatEvent> {
  return decode(events, createOpenAIResponsesDecoder());
}

export function createOpenAIResponsesDecoder(): Decoder<ChatEvent> {
  return new OpenAIResponsesDecoder();
}

interface Call extends ToolCall {
  text: string;
}

class OpenAIResponsesDecoder implements Decoder<ChatEvent> {
  readonly #parts = createParts();
  /** Function calls whose input is not complete, by output index. Some servers change item ids on the way. */
  readonly #calls = new Map<unknown, Call>();
  /** Texts that came as deltas; the others come whole with their `.done`. */
  readonly #streamed = new Set<string>();
  #called = false;

  add(event: unknown): readonly ChatEvent[] {
    if (event === END) return this.end();
    if (!isObject(event)) throw new SluiceError("llm/failed", "The model sent something that is not an event.");
    const { type, delta } = event;
    switch (type) {
      case "response.output_text.delta":
      case "response.refusal.delta":
        return this.#addText("text", keyOf(event), delta);
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return this.#addText("reasoning", keyOf(event), delta);
      case "response.output_text.done":
        return this.#endText("text", keyOf(event), event["text"]);
      case "response.refusal.done":
        return this.#endText("text", keyOf(event), event["refusal"]);
      case "response.reasoning_summary_text.done":
      case "response.reasoning_text.done":
        return this.#endText("reasoning", keyOf(event), event["text"]);
      case "response.output_item.added":
        return this.#startCall(event["output_index"], event["item"]);
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        return this.#addInput(event["output_index"], delta);
      case "response.output_item.done":
        return this.#endCall(event["output_index"], event["item"]);
      case "response.completed":
      case "response.incomplete":
        return this.#finish(type, isObject(event["response"]) ? event["response"] : {});
      case "response.failed":
        throw modelFailed(isObject(event["response"]) ? event["response"]["error"] : undefined);
      case "error":
        throw modelFailed(event);
      default:
        return [];
    }
  }

  end(): readonly ChatEvent[] {
    throw truncated();
  }

  #addText(kind: "text" | "reasoning", key: string, delta: unknown): readonly ChatEvent[] {
    if (typeof delta !== "string") return [];
    this.#streamed.add(key);
    return this.#parts.add(kind, delta, key);
  }

  #endText(kind: "text" | "reasoning", key: string, text: unknown): readonly ChatEvent[] {
    const late = this.#streamed.has(key) ? [] : this.#addText(kind, key, text);
    return [...late, ...this.#parts.end(key)];
  }

  #startCall(index: unknown, item: unknown): readonly ChatEvent[] {
    const call = toCall(item);
    if (call === undefined) return [];
    this.#calls.set(index, call);
    this.#called = true;
    return [...this.#parts.end(), startToolInput(call)];
  }

  #addInput(index: unknown, delta: unknown): readonly ChatEvent[] {
    const call = this.#calls.get(index);
    if (call === undefined || typeof delta !== "string" || delta === "") return [];
    call.text += delta;
    return [{ type: "tool-input-delta", toolCallId: call.toolCallId, inputTextDelta: delta }];
  }

  #endCall(index: unknown, item: unknown): readonly ChatEvent[] {
    if (!isObject(item) || toCall(item) === undefined) return [];
    const started = this.#calls.has(index) ? [] : this.#startCall(index, item);
    const call = this.#calls.get(index);
    if (call === undefined) return started;
    this.#calls.delete(index);
    const whole = call.takes === "text" ? item["input"] : item["arguments"];
    return [...started, completeToolInput(call, typeof whole === "string" ? whole : call.text)];
  }

  #finish(type: string, response: Record<string, unknown>): readonly ChatEvent[] {
    const usage = openAIUsage(response["usage"]);
    const metadata = {
      ...(usage === undefined ? {} : { usage }),
      ...(typeof response["model"] === "string" ? { model: response["model"] } : {}),
    };
    return [
      ...this.#parts.end(),
      ...Array.from(this.#calls.values(), (call) => completeToolInput(call, call.text)),
      {
        type: "finish",
        finishReason: type === "response.completed" ? (this.#called ? "tool-calls" : "stop") : whyIncomplete(response),
        ...(Object.keys(metadata).length === 0 ? {} : { messageMetadata: metadata }),
      },
    ];
  }
}

function keyOf(event: Record<string, unknown>): string {
  return [event["output_index"], event["content_index"], event["summary_index"]].join("/");
}

function toCall(item: unknown): Call | undefined {
  if (!isObject(item)) return undefined;
  const { type, call_id: toolCallId, name: toolName } = item;
  if (type !== "function_call" && type !== "custom_tool_call") return undefined;
  if (typeof toolCallId !== "string" || typeof toolName !== "string") return undefined;
  return { toolCallId, toolName, takes: type === "function_call" ? "json" : "text", text: "" };
}

function whyIncomplete(response: Record<string, unknown>): FinishReason {
  const details = isObject(response["incomplete_details"]) ? response["incomplete_details"] : {};
  switch (details["reason"]) {
    case "max_output_tokens":
      return "length";
    case "content_filter":
      return "content-filter";
    default:
      return "other";
  }
}

function modelFailed(cause: unknown): SluiceError {
  return new SluiceError("llm/failed", "The model reported an error.", { cause });
}
