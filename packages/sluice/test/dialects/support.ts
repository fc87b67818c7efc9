import type { Dialect, Frame, WordingContext } from "../../src/dialects/index.ts";
import type { RunEvent } from "../../src/chat/index.ts";

export const context: WordingContext = { runId: "run_1", createdAt: 1_700_000_000_000 };

/** The frames of each entry of a log. */
export function wordingOf(dialect: Dialect, events: readonly RunEvent[]): readonly (readonly Frame[])[] {
  const word = dialect.open(context);
  return events.map((event, index) => word(event, index + 1));
}

/** A run in which every event of the vocabulary comes once. */
export const everyEvent: readonly RunEvent[] = [
  { type: "start", messageId: "msg_1", messageMetadata: { model: "m" } },
  { type: "start-step" },
  { type: "reasoning-start", id: "r" },
  { type: "reasoning-delta", id: "r", delta: "Hm" },
  { type: "reasoning-end", id: "r" },
  { type: "text-start", id: "t" },
  { type: "text-delta", id: "t", delta: "Hello, " },
  { event: "weather", data: { degrees: 21 } },
  { type: "data-progress", data: { percent: 50 } },
  { type: "data-chart", id: "c", data: [1, 2] },
  { type: "text-delta", id: "t", delta: "world" },
  { type: "text-end", id: "t" },
  { type: "tool-input-start", toolCallId: "call_1", toolName: "search" },
  { type: "tool-input-delta", toolCallId: "call_1", inputTextDelta: '{"q":1}' },
  { type: "tool-input-available", toolCallId: "call_1", toolName: "search", input: { q: 1 } },
  { type: "tool-approval-request", approvalId: "a", toolCallId: "call_1" },
  { type: "tool-output-available", toolCallId: "call_1", output: { hits: 0 }, preliminary: true },
  { type: "tool-output-available", toolCallId: "call_1", output: { hits: 2 } },
  { type: "tool-input-error", toolCallId: "call_2", toolName: "search", input: "{", errorText: "no JSON" },
  { type: "tool-output-error", toolCallId: "call_2", errorText: "refused" },
  { type: "tool-input-available", toolCallId: "call_3", toolName: "search", input: {}, dynamic: true },
  { type: "tool-output-denied", toolCallId: "call_3" },
  { type: "source-url", sourceId: "s", url: "https://example.org/", title: "Example" },
  { type: "source-document", sourceId: "d", mediaType: "application/pdf", title: "Report" },
  { type: "file", url: "data:image/png;base64,AA==", mediaType: "image/png" },
  { type: "message-metadata", messageMetadata: { lang: "en" } },
  { type: "finish-step" },
  { type: "finish", finishReason: "length", messageMetadata: { usage: { inputTokens: 3, outputTokens: 2 } } },
];
