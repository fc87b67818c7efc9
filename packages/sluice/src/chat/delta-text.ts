/** A delta as its JSON text: `head`, the inside of a string of JSON, then `DELTA_END`. */
export interface DeltaText {
  /** Up to the quotation mark before the delta. Two with the same head are deltas of the same part. */
  readonly head: string;
  readonly literal: string;
}

export const DELTA_END: string = '"}';

/**
 * Takes the text of a delta apart without parsing it: a run is mostly deltas. undefined for any other event, and for a
 * delta that has more keys, or has them in another order. `text` is what JSON.stringify made of an event.
 */
export function splitDelta(text: string): DeltaText | undefined {
  for (const { start, middle } of KINDS) {
    if (!text.startsWith(start)) continue;
    const idEnd = text.indexOf('"', start.length);
    // An id with a quotation mark in it is rare, and `middle` does not follow that: whoever asks takes the long way.
    if (!text.startsWith(middle, idEnd) || !text.endsWith(DELTA_END)) return undefined;
    const from = idEnd + middle.length;
    const till = text.length - DELTA_END.length;
    if (till < from || !isOneString(text, from, till)) return undefined;
    return { head: text.slice(0, from), literal: text.slice(from, till) };
  }
  return undefined;
}

/** What the text of a text's delta begins with. */
export const TEXT_DELTA: string = '{"type":"text-delta",';

const KINDS = [
  { start: '{"type":"text-delta","id":"', middle: '","delta":"' },
  { start: '{"type":"reasoning-delta","id":"', middle: '","delta":"' },
  { start: '{"type":"tool-input-delta","toolCallId":"', middle: '","inputTextDelta":"' },
] as const;

/** An application event, taken apart in the same way. */
export interface ApplicationText {
  readonly event: string;
  /** JSON. */
  readonly data: string;
}

const APPLICATION = '{"event":"';
const DATA = '","data":';

/**
 * The same for an application event as the writer of a run puts it down, `data` last. undefined for any other event, for
 * one that has more keys, and for a name that JSON escapes.
 */
export function splitApplicationEvent(text: string): ApplicationText | undefined {
  if (!text.startsWith(APPLICATION)) return undefined;
  const nameEnd = text.indexOf('"', APPLICATION.length);
  if (!text.startsWith(DATA, nameEnd)) return undefined;
  const event = text.slice(APPLICATION.length, nameEnd);
  return event.includes("\\") ? undefined : { event, data: text.slice(nameEnd + DATA.length, -1) };
}

const BACKSLASH = 92;

/** Whether the string that begins at `from` ends at `till`: every quotation mark before is escaped. */
function isOneString(text: string, from: number, till: number): boolean {
  for (let quote = text.indexOf('"', from); quote < till; quote = text.indexOf('"', quote + 1)) {
    let escapes = quote;
    while (text.charCodeAt(escapes - 1) === BACKSLASH && escapes > from) escapes -= 1;
    if ((quote - escapes) % 2 === 0) return false;
  }
  return true;
}
