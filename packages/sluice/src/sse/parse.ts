import { wrongOption } from "../base/options.ts";
import { createParser } from "eventsource-parser";
import { SluiceError } from "../base/errors.ts";

/** An event as a client dispatches it. */
export interface ParsedEvent {
  /** "message" when the block named none. */
  readonly event: string;
  readonly data: string;
  /** Only when this block had one; the empty string tells the client to forget the last id. */
  readonly id?: string;
}

export interface ParseOptions {
  /** Characters of one event's data, and of what is kept of an unfinished one. Default 4 MiB. */
  readonly maxEventLength?: number;
  /** Called as soon as the comment's chunk is read: before the events of the same chunk are yielded. */
  readonly onComment?: (text: string) => void;
  /** Called with whole numbers only; timed as `onComment`. */
  readonly onRetry?: (ms: number) => void;
}

const MAX_EVENT_LENGTH = 4_194_304;

/**
 * The events of a stream whose chunks may be cut anywhere, also inside a character or between CR and LF.
 *
 * Pulls one chunk, yields its events, then pulls the next. A block without its blank line at the end of the stream is
 * dropped, as the standard says: the end itself tells nothing about completeness. Ending early returns the source.
 *
 * @throws SluiceError `sse/event-too-large`, after the events before it; whatever the source or a callback throws
 */
export async function* parseEvents(
  chunks: AsyncIterable<Uint8Array | string>,
  options: ParseOptions = {},
): AsyncGenerator<ParsedEvent> {
  const parser = createEventParser(options);
  for await (const chunk of chunks) {
    for (const event of parser.push(chunk)) yield event;
    parser.check();
  }
}

/** The same for who has one chunk at a time. */
export interface EventParser {
  /** The events that this chunk completes. */
  push(chunk: Uint8Array | string): readonly ParsedEvent[];
  /** @throws SluiceError `sse/event-too-large` when the chunks so far hold such an event */
  check(): void;
}

/** @throws SluiceError `option/invalid`; `push` throws what a callback throws */
export function createEventParser(options: ParseOptions = {}): EventParser {
  const { maxEventLength = MAX_EVENT_LENGTH, onComment, onRetry } = options;
  if (!(maxEventLength >= 1)) {
    throw wrongOption("maxEventLength", "maxEventLength must be a number from 1.");
  }
  const read = createTextReader();
  let events: ParsedEvent[] = [];
  let tooLarge = false;
  const parser = createParser({
    // It counts the field's name in the unfinished line; without it the limit would depend on where chunks are cut.
    maxBufferSize: maxEventLength + "data: ".length,
    onEvent({ event = "message", data, id }) {
      tooLarge ||= data.length > maxEventLength;
      if (!tooLarge) events.push(id === undefined ? { event, data } : { event, data, id });
    },
    onError(error) {
      tooLarge ||= error.type === "max-buffer-size-exceeded";
    },
    onRetry(ms) {
      if (Number.isSafeInteger(ms)) onRetry?.(ms);
    },
    onComment,
  });
  parser.feed(""); // its own check for a BOM looks for three characters, and only in the first call

  return {
    push(chunk) {
      parser.feed(read(chunk));
      const complete = events;
      events = [];
      return complete;
    },
    check() {
      if (!tooLarge) return;
      throw new SluiceError("sse/event-too-large", `An event is longer than ${maxEventLength} characters.`, {
        details: { maxEventLength },
      });
    },
  };
}

const CARRIAGE_RETURN = /\r\n?/g;

/**
 * Chunks as text without BOM, in which every line ends with LF.
 *
 * A CR at the end of a chunk is a line's end at once: the event it completes is not held until the next chunk shows
 * whether an LF follows. And the parser, which searches both kinds again for every line where a chunk has a CR, stays
 * linear in the length of the chunk.
 */
function createTextReader(): (chunk: Uint8Array | string) => string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let atStart = true;
  let afterCR = false;
  return (chunk) => {
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    if (text === "") return "";
    const dropFirst = (atStart && text.startsWith("\uFEFF")) || (afterCR && text.startsWith("\n"));
    atStart = false;
    afterCR = text.endsWith("\r");
    const rest = dropFirst ? text.slice(1) : text;
    return rest.includes("\r") ? rest.replace(CARRIAGE_RETURN, "\n") : rest;
  };
}
