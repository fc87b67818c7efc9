import type { ChatEvent } from "../chat/index.ts";

export interface ToolCall {
  readonly toolCallId: string;
  readonly toolName: string;
  /** A custom tool of OpenAI takes plain text, any other takes JSON. */
  readonly takes: "json" | "text";
}

export function startToolInput({ toolCallId, toolName }: ToolCall): ChatEvent {
  return { type: "tool-input-start", toolCallId, toolName };
}

/** The end of a tool's input, as the model wrote it. A model that has nothing to say to a tool may write nothing. */
export function completeToolInput({ toolCallId, toolName, takes }: ToolCall, text: string): ChatEvent {
  const call = { toolCallId, toolName };
  if (takes === "text") return { type: "tool-input-available", ...call, input: text };
  try {
    return { type: "tool-input-available", ...call, input: text.trim() === "" ? {} : JSON.parse(text) };
  } catch {
    return { type: "tool-input-error", ...call, input: text, errorText: "The input for this tool is not JSON." };
  }
}
