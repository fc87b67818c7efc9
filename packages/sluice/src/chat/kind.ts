import type { ChatEvent, ReasoningEvent, TextEvent, ToolEvent } from "./events.ts";

/** What begins, grows and ends under an id of its own. */
export type SpokenEvent = TextEvent | ReasoningEvent;

export function isSpokenEvent(event: ChatEvent): event is SpokenEvent {
  return SPOKEN.has(event.type);
}

export function isToolEvent(event: ChatEvent): event is ToolEvent {
  return TOOL.has(event.type);
}

/** Begins a call's part, or completes its input. */
export type ToolInputEvent = Extract<
  ToolEvent,
  { readonly type: "tool-input-start" | "tool-input-available" | "tool-input-error" }
>;

export function isToolInputEvent(event: ToolEvent): event is ToolInputEvent {
  return event.type.startsWith("tool-input-") && event.type !== "tool-input-delta";
}

// Lists and not prefixes: a later version may know more types than we do.
const SPOKEN: ReadonlySet<string> = new Set<SpokenEvent["type"]>([
  "text-start",
  "text-delta",
  "text-end",
  "reasoning-start",
  "reasoning-delta",
  "reasoning-end",
]);

const TOOL: ReadonlySet<string> = new Set<ToolEvent["type"]>([
  "tool-input-start",
  "tool-input-delta",
  "tool-input-available",
  "tool-input-error",
  "tool-output-available",
  "tool-output-error",
  "tool-output-denied",
  "tool-approval-request",
]);
