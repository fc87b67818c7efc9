import { SluiceError } from "../base/errors.ts";
import type { SSEMessage } from "./message.ts";

/**
 * One message as one block, with its blank line. A field can never start another field or another block.
 *
 * The string is meant for an encoder of UTF-8: a lone surrogate stays in it and becomes U+FFFD as bytes. Halves of
 * two fields or two blocks cannot meet and form a character, because ASCII stands between them. JSON escapes lone
 * surrogates, so a value that is not a string keeps them.
 *
 * @throws SluiceError `sse/invalid-field`, `sse/invalid-data`
 */
export function encodeEvent(message: SSEMessage): string {
  const { event, id, retry, data } = message;
  let block = "";
  if (event !== undefined) block = `event: ${oneLine("event", event)}\n`;
  if (id !== undefined) block += `id: ${oneLine("id", id)}\n`;
  if (retry !== undefined) block += `retry: ${wholeNumber(retry)}\n`;
  if (typeof data === "string") return `${block}data: ${linesAfter("data: ", data)}\n\n`;
  if (data !== undefined) return `${block}data: ${json(data)}\n\n`;
  if (event !== undefined) return `${block}data: \n\n`;
  if (block === "") throw new SluiceError("sse/invalid-data", "An SSE message needs data, an event, an id or a retry.");
  return `${block}\n`;
}

/** A block that clients ignore, a heartbeat for instance. Each line of the text is a comment of its own. */
export function encodeComment(text = ""): string {
  return text === "" ? ":\n\n" : `: ${linesAfter(": ", text)}\n\n`;
}

const LINE_BREAK = /\r\n?|\n/g;

/** Text whose every line but the first starts with `prefix`. Most texts are one line: two searches, no copy. */
function linesAfter(prefix: string, text: string): string {
  if (text.indexOf("\n") === -1 && text.indexOf("\r") === -1) return text;
  return text.replace(LINE_BREAK, `\n${prefix}`);
}

function oneLine(field: string, value: unknown): string {
  if (typeof value === "string" && !value.includes("\n") && !value.includes("\r") && !value.includes("\0"))
    return value;
  // The value is left out of the message: it may be a stranger's, and messages are shown to clients and logged.
  throw new SluiceError("sse/invalid-field", `The SSE field "${field}" must be a string without CR, LF and NUL.`, {
    details: { field },
  });
}

function wholeNumber(retry: unknown): string {
  if (typeof retry === "number" && Number.isSafeInteger(retry) && retry >= 0) return String(retry);
  throw new SluiceError("sse/invalid-field", 'The SSE field "retry" must be a whole number from 0.', {
    details: { field: "retry" },
  });
}

/** One line: JSON escapes the line breaks inside strings and writes none of its own. */
function json(value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  throw new SluiceError("sse/invalid-data", "The data of an SSE message must be a string or have a JSON form.", {
    cause,
  });
}
