import { SluiceError, isErrorCode } from "../base/errors.ts";
import { isApplicationEvent, type ChatEvent, type RunEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { usageOf } from "../chat/metadata.ts";
import type { Dialect, Frame, Wording } from "./types.ts";

/**
 * Text as the data of events without a name, as it is: no JSON, leading blanks kept. Every other chat event is a
 * `stream_event`, the end is `done` or `error`, application events have their own names; the data of all these is JSON.
 *
 * An event stream holds lines of whole characters. So a character that a model sent in two halves goes out with the
 * second, half a character alone is left out, wherever in a delta it is, and so is every carriage return.
 */
export const textDialect: Dialect = {
  name: "text",
  headers: {},
  // A page that reads the response of a `fetch` by hand does not come back.
  resumes: false,
  alone: () => alone,
  settles,
  quick(entry) {
    const text = textIn(entry);
    if (text === undefined) return splitApplicationEvent(entry);
    return text.includes("\r") ? undefined : { data: text };
  },
  open: () => joining(framesOf, others),
  bare: {
    alone: () => bareAlone,
    settles,
    quick(entry) {
      const text = textIn(entry);
      return text === undefined ? undefined : { data: text };
    },
    open: () => joining((_event, text) => [{ data: text }], bareOthers),
  },
};

function textIn(entry: string): string | undefined {
  const delta = splitDelta(entry);
  if (!delta?.head.startsWith(TEXT_DELTA)) return undefined;
  // JSON escapes half a character.
  return delta.literal.includes("\\") ? textAlone(String(JSON.parse(`"${delta.literal}"`))) : delta.literal;
}

/** The text of a delta, where it needs no other, as it mostly is: its first half may have come before. */
function textAlone(delta: string): string | undefined {
  return LOW_HALF.test(delta) ? undefined : inCharacters(delta);
}

/** It ends in a half or not, whatever came before. */
function settles(event: RunEvent): boolean {
  return isTextDelta(event) && event.delta !== "";
}

type TextDelta = Extract<ChatEvent, { readonly type: "text-delta" }>;

function isTextDelta(event: RunEvent): event is TextDelta {
  return !isApplicationEvent(event) && event.type === "text-delta";
}

function alone(event: RunEvent): readonly Frame[] | undefined {
  if (!isTextDelta(event)) return others(event);
  const text = textAlone(event.delta);
  return text === undefined ? undefined : framesOf(event, text);
}

function bareAlone(event: RunEvent): readonly Frame[] | undefined {
  if (!isTextDelta(event)) return isFailure(event) ? undefined : [];
  const text = textAlone(event.delta);
  return text === undefined ? undefined : [{ data: text }];
}

/** Bare text has no word for a failure: it breaks off. @throws SluiceError the failure of the run */
function bareOthers(event: RunEvent): readonly Frame[] {
  if (!isFailure(event)) return [];
  const { code, errorText } = event;
  throw new SluiceError(isErrorCode(code) ? code : "PROCESSING_ERROR", errorText);
}

function isFailure(event: RunEvent): event is Extract<ChatEvent, { readonly type: "error" }> {
  return !isApplicationEvent(event) && event.type === "error";
}

/** @param text of the delta, with the half of a character that came before it */
function framesOf({ delta: _delta, ...rest }: TextDelta, text: string): readonly Frame[] {
  const frames: Frame[] = Object.keys(rest).length > 2 ? [frame("stream_event", { ...rest, delta: "" })] : [];
  // In an event stream one would be a line break, also where a line feed comes with the next delta.
  return [...frames, { data: text.includes("\r") ? text.replaceAll("\r", "") : text }];
}

function others(event: RunEvent): readonly Frame[] {
  if (isApplicationEvent(event)) return [frame(event.event, event.data)];
  switch (event.type) {
    case "finish": {
      const { finishReason, messageMetadata } = event;
      const usage = usageOf(messageMetadata);
      // What the two do not tell: an end without a reason, and what else is known of the answer.
      const told = finishReason !== undefined && Object.keys(event).length === 2;
      return [
        frame("done", {
          finishReason: finishReason ?? "stop",
          ...(usage === undefined ? {} : { usage }),
          ...(told ? {} : { event }),
        }),
      ];
    }
    case "abort":
      return [frame("done", { finishReason: "abort", ...(Object.keys(event).length > 1 ? { event } : {}) })];
    case "error":
      return [frame("error", { code: event.code ?? "PROCESSING_ERROR", message: event.errorText })];
    default:
      return [frame("stream_event", event)];
  }
}

const LOW_HALF = /^[\udc00-\udfff]/;
const HIGH_HALF = /[\ud800-\udbff]$/;
const HALVES = /\p{Surrogate}/gu;

function inCharacters(text: string): string {
  return text.replace(HALVES, "");
}

/** Gives each delta its text in whole characters. */
function joining(
  wordText: (event: TextDelta, text: string) => readonly Frame[],
  wordOther: (event: RunEvent) => readonly Frame[],
): Wording {
  let half = "";
  return (event) => {
    if (!isTextDelta(event)) return wordOther(event);
    const { delta } = event;
    if (delta === "") return wordText(event, "");
    const text = half + delta;
    half = HIGH_HALF.exec(delta)?.[0] ?? "";
    return wordText(event, inCharacters(text));
  };
}

function frame(event: string, data: unknown): Frame {
  return { event, data: JSON.stringify(data) };
}
