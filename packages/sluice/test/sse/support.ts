import fc from "fast-check";
import { parseEvents, type ParsedEvent, type SSEMessage } from "../../src/sse/index.ts";
import type { Reading } from "./oracle.ts";

const encoder = new TextEncoder();

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** What is left of a text after a journey as bytes: lone surrogates are U+FFFD. */
function wellFormed(text: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoder.encode(text));
}

export async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

/** The bytes in pieces that end at the given places (modulo the length), and at the end. */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  let start = 0;
  return [...ends, bytes.length].map((end) => bytes.subarray(start, (start = end)));
}

export function* pieces<T extends Uint8Array | string>(whole: T, size: number): Generator<T> {
  for (let at = 0; at < whole.length; at += size) yield whole.slice(at, at + size) as T;
}

export async function read(chunks: Iterable<Uint8Array | string>): Promise<Reading> {
  const events: ParsedEvent[] = [];
  const comments: string[] = [];
  const retries: number[] = [];
  const options = {
    onComment: (text: string) => void comments.push(text),
    onRetry: (ms: number) => void retries.push(ms),
  };
  for await (const event of parseEvents(each(chunks), options)) events.push(event);
  return { events, comments, retries };
}

const NASTY = [
  "\ud800",
  "\udfff",
  "\ud83d\ude00",
  "é",
  "\ufeff",
  "\u2028",
  "\0",
  " ",
  ":",
  "data: x",
  "id: 1",
  "[DONE]",
];
const BREAKS = ["\n", "\r", "\r\n", "\n\n"];

function texts(...extra: readonly string[]): fc.Arbitrary<string> {
  const part = fc.oneof(fc.constantFrom(...NASTY, ...extra), fc.string({ unit: "binary", maxLength: 5 }));
  return fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
}

export const anyText: fc.Arbitrary<string> = texts(...BREAKS);
const oneLine: fc.Arbitrary<string> = texts().map((text) => text.replace(/[\r\n\0]/g, ""));

/** Any message that `encodeEvent` takes. */
export const messages: fc.Arbitrary<SSEMessage> = fc
  .record(
    {
      event: oneLine,
      id: oneLine,
      retry: fc.nat(),
      data: fc.oneof(anyText, anyText, fc.jsonValue(), fc.constant({ text: "\ud800\r\n" })),
    },
    { requiredKeys: [] },
  )
  .filter((message) => Object.keys(message).length > 0);

/** What clients make of a message; undefined when they dispatch nothing. */
export function dispatched(message: SSEMessage): ParsedEvent | undefined {
  const { event, id, data } = message;
  if (event === undefined && data === undefined) return undefined;
  const text = data === undefined ? "" : typeof data === "string" ? data : JSON.stringify(data);
  return {
    event: wellFormed(event || "message"),
    data: wellFormed(text.replace(/\r\n?/g, "\n")),
    ...(id === undefined ? {} : { id: wellFormed(id) }),
  };
}
