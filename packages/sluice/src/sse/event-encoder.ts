import { encodeEvent } from "./encode.ts";
import type { SSEMessage } from "./message.ts";

/** @throws SluiceError as `encodeEvent`, for the first message that is wrong; nothing is encoded then */
export type EventEncoder = (messages: Iterable<SSEMessage>) => Uint8Array<ArrayBuffer>;

/**
 * Encodes messages many at a time: the UTF-8 of what `encodeEvent` gives for each, one behind the other, in some
 * 60 % of the time, because no string is built and memory is used again. For Node: it needs `Buffer`. An encoder keeps as
 * much memory as its largest answer took; what it returns is the caller's.
 */
export function createEventEncoder(): EventEncoder {
  let slab = Buffer.allocUnsafeSlow(FIRST_SIZE);

  function grow(length: number, more: number): Buffer<ArrayBuffer> {
    const larger = Buffer.allocUnsafeSlow(Math.max(length + more, 2 * slab.byteLength));
    slab.copy(larger, 0, 0, length);
    slab = larger;
    return larger;
  }

  // Most events of a stream have the same name.
  let lastName: string | undefined;
  let lastField: readonly number[] = [];

  function fieldOf(name: string): readonly number[] | undefined {
    if (name !== lastName) {
      if (!isPlain(name)) return undefined;
      lastField = codesOf(`event: ${name}\n`);
      lastName = name;
    }
    return lastField;
  }

  return (messages) => {
    let bytes = slab;
    let length = 0;
    for (const message of messages) {
      const { event, id, retry, data } = message;
      const field = event === undefined ? NOTHING : fieldOf(event);
      let at = -1;
      if (field && retry === undefined && typeof data === "string" && isLine(data)) {
        const most = data.length * WIDEST + field.length + (id?.length ?? 0) + AROUND;
        if (length + most > bytes.byteLength) bytes = grow(length, most);
        at = addCodes(bytes, length, field);
        if (id !== undefined) at = addId(bytes, at, id);
        if (at >= 0) at = addData(bytes, at, data);
      }
      if (at < 0) {
        // It puts what is unusual into words, or says what is wrong with it.
        const text = encodeEvent(message);
        if (length + text.length * WIDEST > bytes.byteLength) bytes = grow(length, text.length * WIDEST);
        at = length + bytes.write(text, length);
      }
      length = at;
    }
    const encoded = Buffer.allocUnsafeSlow(length); // not filled with zeros first
    bytes.copy(encoded, 0, 0, length);
    return encoded;
  };
}

function isLine(data: string): boolean {
  return data.indexOf("\n") === -1 && data.indexOf("\r") === -1;
}

/** ASCII without what ends a field. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "string") return false;
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code > 126 || code === LF || code === CR || code === 0) return false;
  }
  return true;
}

// Short and ASCII: loops are faster than calls. Negative for what is not ASCII, or ends a field.
function addId(bytes: Uint8Array, start: number, id: unknown): number {
  if (typeof id !== "string") return -1;
  let at = addCodes(bytes, start, ID);
  for (let index = 0; index < id.length; index += 1) {
    const code = id.charCodeAt(index);
    if (code > 126 || code === LF || code === CR || code === 0) return -1;
    bytes[at] = code;
    at += 1;
  }
  bytes[at] = LF;
  return at + 1;
}

function addData(bytes: Buffer, start: number, data: string): number {
  let at = addCodes(bytes, start, DATA);
  at += bytes.write(data, at);
  bytes[at] = LF;
  bytes[at + 1] = LF;
  return at + 2;
}

function addCodes(bytes: Uint8Array, start: number, codes: readonly number[]): number {
  let at = start;
  for (let index = 0; index < codes.length; index += 1) bytes[at++] = codes[index] as number; // in bounds
  return at;
}

const FIRST_SIZE = 65_536;
// The longest thing that UTF-8 makes of one unit of UTF-16.
const WIDEST = 3;
// Names of fields, blanks and line feeds.
const AROUND = 32;

const ID = codesOf("id: ");
const DATA = codesOf("data: ");
const NOTHING: readonly number[] = [];
const LF = 10;
const CR = 13;

function codesOf(text: string): readonly number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
