import { isApplicationEvent, isTerminal, type RunEvent } from "../chat/index.ts";
import { DONE } from "./decoder.ts";
import type { Dialect, Frame } from "./types.ts";

/**
 * The AI SDK's UI message stream v1. Our chat events are its chunks, so that they are passed on as they are, with the
 * `code` of an error: the chunks are loose objects to the newest clients of ai 5, 6 and 7. (5.0.0 and 6.0.0 are
 * strict; to them such an error is a stream that fails its check.)
 * What it cannot carry to a client of the AI SDK is an object with a key `__proto__`, or `prototype` in `constructor`:
 * that JSON parser refuses them from anybody. Our own client reads this dialect too, and needs every byte.
 *
 * The stock clients do not come back after a cut: they resume when a page is opened or looked at again.
 */
export const aiSdkDialect: Dialect = {
  name: "ai-sdk",
  headers: { "x-vercel-ai-ui-message-stream": "v1" },
  resumes: false,
  alone: () => word,
  open: () => word,
  // What JSON.stringify made comes out of JSON.parse and JSON.stringify as it was.
  quick: (entry) => (entry.startsWith('{"type":"') && !TERMINAL.test(entry) ? { data: entry } : undefined),
};

const TERMINAL = /^\{"type":"(?:finish|abort|error)"/;

function word(event: RunEvent): readonly Frame[] {
  if (isApplicationEvent(event)) {
    // No other type would be let through, and no event has a name. `onData` sees it; the message does not keep it.
    return [frame({ type: `data-${event.event}`, data: event.data, transient: true })];
  }
  return isTerminal(event) ? [frame(event), { data: DONE }] : [frame(event)];
}

function frame(chunk: object): Frame {
  return { data: JSON.stringify(chunk) };
}
