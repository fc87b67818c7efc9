import { isObject } from "../base/json.ts";
import { isApplicationEvent, type ApplicationEvent, type ChatEvent, type RunEvent } from "../chat/index.ts";
import { TEXT_DELTA, splitApplicationEvent, splitDelta } from "../chat/delta-text.ts";
import { usageOf } from "../chat/metadata.ts";
import type { Dialect, Frame } from "./types.ts";

/**
 * Every event as `{name, meta: {runId}, payload}` under its own name. An application event whose data is such an envelope
 * already is sent as it is. A chat event has `meta.chat`, which with the payload is the whole of it: text is `response`
 * with `{text, isFinal}`, the end is `done` or `error`, any other has the name of its type.
 */
export const envelopeDialect: Dialect = {
  name: "envelope",
  headers: {},
  // A page that POSTs reads the response of a `fetch` by hand, and does not come back.
  resumes: false,
  alone:
    ({ runId }) =>
    (event) =>
      word(event, runId),
  quick(entry, { runId }) {
    const delta = splitDelta(entry);
    if (delta) {
      if (!delta.head.startsWith(TEXT_DELTA)) return undefined;
      const chat = `${delta.head.slice(0, -DELTA.length)}}`;
      return sealed(
        "response",
        `{"runId":${quote(runId)},"chat":${chat}}`,
        `{"text":"${delta.literal}","isFinal":false}`,
      );
    }
    const own = splitApplicationEvent(entry);
    // What may be an envelope is looked at.
    if (!own || own.data.includes('"payload":')) return undefined;
    return sealed(own.event, `{"runId":${quote(runId)}}`, own.data);
  },
  open:
    ({ runId }) =>
    (event) =>
      word(event, runId),
};

/** What follows the id of a delta's part in its text. */
const DELTA = ',"delta":"';

function word(event: RunEvent, runId: string): readonly Frame[] {
  if (isApplicationEvent(event))
    return [isEnvelope(event) ? asItIs(event, runId) : frame(event.event, { runId }, event.data)];
  const { name, chat, payload } = split(event);
  return [frame(name, { runId, chat }, payload)];
}

interface Split {
  readonly name: string;
  /** The event without what the payload tells. */
  readonly chat: unknown;
  readonly payload: unknown;
}

function split(event: ChatEvent): Split {
  switch (event.type) {
    case "text-delta": {
      const { delta, ...chat } = event;
      return { name: "response", chat, payload: { text: delta, isFinal: false } };
    }
    case "text-end":
      return { name: "response", chat: event, payload: { text: "", isFinal: true } };
    case "finish": {
      const { finishReason = "stop", messageMetadata } = event;
      const usage = usageOf(messageMetadata);
      return { name: "done", chat: event, payload: { finishReason, ...(usage === undefined ? {} : { usage }) } };
    }
    case "abort":
      return { name: "done", chat: event, payload: { finishReason: "abort" } };
    case "error":
      return {
        name: "error",
        chat: event,
        payload: { message: event.errorText, code: event.code ?? "PROCESSING_ERROR" },
      };
    default: {
      const { type, ...payload } = event;
      // The order of keys is part of what a message folds to.
      return { name: type, chat: Object.keys(event)[0] === "type" ? { type } : event, payload };
    }
  }
}

interface Envelope {
  readonly name: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly payload: unknown;
}

/** `meta.chat` is ours: data that has it is a payload like any other. */
function isEnvelope(event: ApplicationEvent): event is ApplicationEvent & { readonly data: Envelope } {
  const { data } = event;
  if (!isObject(data) || data["name"] !== event.event || !Object.hasOwn(data, "payload")) return false;
  return isObject(data["meta"]) && !Object.hasOwn(data["meta"], "chat");
}

function asItIs({ event, data }: { readonly event: string; readonly data: Envelope }, runId: string): Frame {
  return { event, data: JSON.stringify({ ...data, meta: { runId, ...data.meta } }) };
}

function frame(name: string, meta: object, payload: unknown): Frame {
  return sealed(name, JSON.stringify(meta), JSON.stringify(payload));
}

/** @param meta and `payload` are JSON */
function sealed(name: string, meta: string, payload: string): Frame {
  return { event: name, data: `{"name":${quote(name)},"meta":${meta},"payload":${payload}}` };
}

function quote(text: string): string {
  return JSON.stringify(text);
}
