import { endsFrame } from "../greeting.ts";

/** Bytes on their way to readers, made once for all who take them. Nobody may change them. */
export interface Piece {
  /** Whole characters of frames. */
  readonly bytes: Uint8Array;
  /** The same as one chunk of HTTP/1.1 (RFC 9112 section 7.1). `bytes` is a part of it. */
  readonly chunk: Uint8Array;
  readonly endsFrame: boolean;
}

export function pieceOf(text: string): Piece {
  const size = Buffer.byteLength(text);
  const length = size.toString(16);
  const head = length.length + 2;
  const chunk = Buffer.allocUnsafe(head + size + 2);
  chunk.write(length, 0, "latin1");
  chunk[head - 2] = CR;
  chunk[head - 1] = LF;
  // As many bytes as characters: all of them are ASCII, which is copied and not encoded.
  if (size === text.length) chunk.write(text, head, "latin1");
  else chunk.write(text, head, "utf8");
  chunk[head + size] = CR;
  chunk[head + size + 1] = LF;
  const bytes = chunk.subarray(head, head + size);
  return { bytes, chunk, endsFrame: endsFrame(bytes) };
}

/** The same of bytes, which are copied. */
export function pieceFrom(given: Uint8Array): Piece {
  const length = given.byteLength.toString(16);
  const head = length.length + 2;
  const chunk = Buffer.allocUnsafe(head + given.byteLength + 2);
  chunk.write(`${length}\r\n`, 0, "latin1");
  chunk.set(given, head);
  chunk[head + given.byteLength] = CR;
  chunk[head + given.byteLength + 1] = LF;
  const bytes = chunk.subarray(head, head + given.byteLength);
  return { bytes, chunk, endsFrame: endsFrame(bytes) };
}

const CR = 13;
const LF = 10;
