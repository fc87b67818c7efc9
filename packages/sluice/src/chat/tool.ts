import { SluiceError } from "../base/errors.ts";
import type { ToolEvent } from "./events.ts";
import { isToolInputEvent } from "./kind.ts";
import type { ToolInputEvent } from "./kind.ts";
import type { ToolPart } from "./message.ts";

/**
 * The part of a tool call after an event.
 * @param part as it was; a beginning needs none, and a complete input may come without one
 * @throws SluiceError `chat/order` for a delta or an output without a part
 */
export function advanceTool(part: ToolPart | undefined, event: ToolEvent): ToolPart {
  if (isToolInputEvent(event)) return { ...callOf(part, event), ...inputOf(event) };
  if (part === undefined) throw orphan(event);
  switch (event.type) {
    case "tool-input-delta":
      return { ...part, inputText: (part.inputText ?? "") + event.inputTextDelta };
    case "tool-approval-request":
      return { ...part, state: "approval-requested", approvalId: event.approvalId };
    case "tool-output-denied":
      return { ...part, state: "output-denied" };
    case "tool-output-available":
      return { ...withoutOutput(part), ...optionsOf(event), ...outputOf(event) };
    case "tool-output-error":
      return { ...withoutOutput(part), ...optionsOf(event), state: "output-error", errorText: event.errorText };
  }
}

type OutputEvent = Extract<ToolEvent, { readonly type: "tool-output-available" }>;

type Call = Pick<ToolPart, "type" | "toolCallId" | "toolName" | "providerExecuted" | "title">;

// Whether a tool is dynamic is decided when its input starts; its name may still be repaired.
function callOf(part: ToolPart | undefined, event: ToolInputEvent): Call {
  const { toolCallId, toolName, dynamic = false } = event;
  const isDynamic = part === undefined ? dynamic : part.type === "dynamic-tool";
  return {
    type: isDynamic ? "dynamic-tool" : `tool-${toolName}`,
    toolCallId,
    toolName,
    ...(part === undefined ? {} : optionsOf(part)),
    ...optionsOf(event),
  };
}

type Options = Pick<ToolPart, "providerExecuted" | "title">;

function optionsOf({ providerExecuted, title }: Options): Options {
  return { ...(providerExecuted === undefined ? {} : { providerExecuted }), ...(title === undefined ? {} : { title }) };
}

// JSON cannot hold undefined: the message folded live must be the one that is folded from the log.
function inputOf(event: ToolInputEvent): Pick<ToolPart, "state" | "inputText" | "input" | "errorText"> {
  if (event.type === "tool-input-start") return { state: "input-streaming", inputText: "" };
  const input = event.input === undefined ? {} : { input: event.input };
  if (event.type === "tool-input-available") return { state: "input-available", ...input };
  return { state: "output-error", ...input, errorText: event.errorText };
}

function outputOf({ output, preliminary }: OutputEvent): Pick<ToolPart, "state" | "output" | "preliminary"> {
  return {
    state: "output-available",
    ...(output === undefined ? {} : { output }),
    ...(preliminary === true ? { preliminary } : {}),
  };
}

function withoutOutput(part: ToolPart): ToolPart {
  const { output: _output, preliminary: _preliminary, errorText: _errorText, ...rest } = part;
  return rest;
}

function orphan({ type, toolCallId }: ToolEvent): SluiceError {
  const id = JSON.stringify(toolCallId.slice(0, 64));
  return new SluiceError("chat/order", `\`${type}\` for tool call ${id}, which has not begun.`, { details: { type } });
}
