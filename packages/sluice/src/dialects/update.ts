import { isApplicationEvent, type ChatEvent, type FinishReason, type RunEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { usageOf } from "../chat/metadata.ts";
import { toOpenAIUsage } from "./openai-usage.ts";
import type { Dialect, Frame } from "./types.ts";

/**
 * One event, `update {delta, usage, finish_reason}`, named and counted as OpenAI's chat API does it, then `done` or
 * `error`. An event that is no delta has an empty one, so that whoever adds deltas up needs to look at nothing else; it is in
 * `event`. A plain delta has the `id` of its part. Application events have their own names.
 */
export const updateDialect: Dialect = {
  name: "update",
  headers: { "x-synapse-toon-format": "streaming" },
  // The page of seed 001 closes its EventSource at the first cut.
  resumes: false,
  parameters: ["ids", "encoding"],
  alone: () => word,
  quick(entry) {
    const delta = splitDelta(entry);
    if (!delta) return splitApplicationEvent(entry);
    if (!delta.head.startsWith(TEXT_DELTA)) return undefined;
    const id = delta.head.slice(TEXT_DELTA.length, -DELTA.length);
    return { event: "update", data: `{"delta":"${delta.literal}","usage":null,"finish_reason":null,${id}}` };
  },
  open: () => word,
};

/** What follows the id of a delta's part in its text. */
const DELTA = ',"delta":"';

function word(event: RunEvent): readonly Frame[] {
  if (isApplicationEvent(event)) return [frame(event.event, event.data)];
  switch (event.type) {
    case "text-delta": {
      const { delta, ...rest } = event;
      const { type: _type, id, ...more } = rest;
      return [update(delta, Object.keys(more).length === 0 ? { id } : { event: rest })];
    }
    case "finish":
    case "abort": {
      const ending = endingOf(event);
      // Twice, for a page that listens to nothing but updates.
      return [update("", { ...ending, event }), frame("done", ending)];
    }
    case "error":
      return [frame("error", { message: event.errorText, code: event.code ?? "PROCESSING_ERROR" })];
    default:
      return [update("", { event })];
  }
}

interface Ending {
  readonly usage: Readonly<Record<string, number>> | null;
  readonly finish_reason: string;
}

function endingOf(event: Extract<ChatEvent, { readonly type: "finish" | "abort" }>): Ending {
  if (event.type === "abort") return { usage: null, finish_reason: "abort" };
  const usage = usageOf(event.messageMetadata);
  return {
    usage: usage === undefined ? null : toOpenAIUsage(usage),
    finish_reason: inSnakeCase(event.finishReason ?? "stop"),
  };
}

function inSnakeCase(reason: FinishReason): string {
  return reason.replace("-", "_");
}

function update(delta: string, more: object): Frame {
  return frame("update", { delta, usage: null, finish_reason: null, ...more });
}

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
