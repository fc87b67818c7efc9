import { SluiceError } from "../base/errors.ts";
import { encodeEvent } from "../sse/index.ts";

/** An event of a topic, the same object for all who are on this node. */
export interface TopicEvent {
  /** Where whoever has it goes on: `Last-Event-ID`. */
  readonly id: string;
  readonly event: string;
  /** As it is sent: a string as it was given, anything else as JSON. */
  readonly data: string;
  /** Whether `data` is JSON of what was given. */
  readonly isJson: boolean;
}

type Told = Pick<TopicEvent, "event" | "data" | "isJson">;

/**
 * An event as topics keep it: its name, a line feed, `j` or `s`, the data.
 * @throws SluiceError `sse/invalid-field`, `sse/invalid-data`, `sse/event-too-large`
 */
export function packEvent(event: string, data: unknown, maxBytes: number): string {
  encodeEvent({ event }); // says what is wrong with the name
  const text = `${event}\n${typeof data === "string" ? `s${data}` : data === undefined ? "s" : `j${jsonOf(data)}`}`;
  // A character has three bytes at most, so the length alone is enough for most.
  if (text.length > maxBytes / 3 && new TextEncoder().encode(text).byteLength > maxBytes) {
    throw new SluiceError("sse/event-too-large", `An event of a topic may have ${maxBytes} bytes.`, {
      details: { limit: maxBytes },
    });
  }
  return text;
}

/** The other way. */
export function unpackEvent(text: string): Told {
  const end = text.indexOf("\n");
  return { event: text.slice(0, end), isJson: text[end + 1] === "j", data: text.slice(end + 2) };
}

/** What was given: for those who are handed messages, not frames. */
export function dataOf({ data, isJson }: TopicEvent): unknown {
  return isJson ? (JSON.parse(data) as unknown) : data;
}

function jsonOf(data: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new SluiceError("sse/invalid-data", "The data of an event must be a string or have a JSON form.", { cause });
}
