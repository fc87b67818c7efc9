import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { isTerminal } from "../chat/index.ts";
import type { RunEvent, TerminalEvent } from "../chat/index.ts";
import { knownFinishReason } from "./finish-reason.ts";

/** Turns the items of somebody else's stream into our events, one item at a time. */
export interface Decoder<Event extends RunEvent = RunEvent> {
  /**
   * Nothing after a terminal matters: the caller stops there.
   * @throws SluiceError when the item reports a failure, or belongs to no such stream
   */
  add(item: unknown): readonly Event[];
  /**
   * The source has ended: what is left, with the terminal where the protocol has one.
   * @throws SluiceError `run/source-truncated` when the source ended before its answer did
   */
  end(): readonly Event[];
}

/** The data that ends a stream of OpenAI's chat API or of the AI SDK. */
export const DONE: string = "[DONE]";

/** Characters of one event: files and whole answers come in one, and a run may hold as much. */
export const MAX_EVENT_LENGTH = 67_108_864;

/** `DONE` as an item. Not the text itself, which is also something that a model can say. */
export const END: unique symbol = Symbol("end marker");

/** What the data of an SSE event holds. @throws SluiceError `llm/failed` for what is no JSON */
export function toItem(data: string): unknown {
  if (data === DONE) return END;
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new SluiceError("llm/failed", "The source sent an event that is not JSON.", { cause });
  }
}

/**
 * Events up to the terminal. Pulls one item at a time, reads nothing after the terminal, and returns the source when
 * it is left early.
 * @param signal once it has fired, the end of the items tells nothing: they were let go of
 */
export async function* decode<Event extends RunEvent>(
  items: AsyncIterable<unknown>,
  decoder: Decoder<Event>,
  signal?: AbortSignal,
): AsyncGenerator<Event> {
  for await (const item of items) {
    for (const event of decoder.add(item)) {
      yield event;
      if (isTerminal(event)) return;
    }
  }
  signal?.throwIfAborted();
  yield* decoder.end();
}

export interface NamedFrame {
  readonly name: string;
  readonly data: unknown;
  /** Of the data; none where it is no object. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A frame of one of our dialects. @throws SluiceError `run/source-unsupported` */
export function frameOf(item: unknown): NamedFrame {
  const { event: name, data } = isObject(item) ? item : {};
  if (typeof name !== "string") throw unsupported("The source holds something that is no frame.");
  return { name, data, fields: isObject(data) ? data : {} };
}

/** The end of a dialect whose word for it is a reason, of which `abort` is one, and what was used. */
export function finished(reason: unknown, usage: unknown): TerminalEvent {
  if (reason === "abort") return { type: "abort" };
  return {
    type: "finish",
    ...(reason === undefined ? {} : { finishReason: knownFinishReason(reason) }),
    ...(usage === undefined ? {} : { messageMetadata: { usage } }),
  };
}

/** A failure as dialects word it: `{code, message}`. */
export function failed({ code, message }: Readonly<Record<string, unknown>>): TerminalEvent {
  const errorText = typeof message === "string" ? message : "The source reported an error.";
  return { type: "error", errorText, code: typeof code === "string" ? code : "llm/failed" };
}

export function truncated(cause?: unknown): SluiceError {
  return new SluiceError("run/source-truncated", "The source ended before its answer was complete.", { cause });
}

/** @param what is wrong, as a sentence */
export function unsupported(what: string, cause?: unknown): SluiceError {
  const accepted =
    "A run takes text, chat events, streams of the packages openai and ai, and responses of type text/event-stream or text/plain.";
  return new SluiceError("run/source-unsupported", `${what} ${accepted}`, { cause });
}
