import { SluiceError } from "./errors.ts";

/**
 * A position in a log as it travels: the number of decimal digits in base 36, then the digits (`10` is before the
 * first entry, `15` is entry 5, `212` is entry 12). Two offsets of one log compare as strings, byte by byte.
 * Opaque to clients: they store it and send it back. PROTOCOL.md section 3.
 */
export type Offset = string & { readonly __brand: "Offset" };

/** Before the first entry. Reading is always *after* an offset, so reading after START gives everything. */
export const START: Offset = "10" as Offset;

/**
 * A position between two frames: `skip` frames of the entry after `sequence` have been received.
 * On the wire `<offset>` or `<offset>.<skip>`.
 */
export interface Position {
  readonly sequence: number;
  readonly skip: number;
}

const OFFSET = /^([1-9a-g])(\d{1,16})(?:\.([1-9]\d{0,8}))?$/;

/** @param sequence a whole number from 0 (before the first entry) to 2^53 - 1 */
export function formatOffset(sequence: number): Offset {
  const digits = String(sequence);
  return (digits.length.toString(36) + digits) as Offset;
}

export function formatPosition(position: Position): string {
  const offset = formatOffset(position.sequence);
  return position.skip === 0 ? offset : `${offset}.${position.skip}`;
}

/** @throws SluiceError `offset/malformed` */
export function parsePosition(text: string): Position {
  const match = OFFSET.exec(text);
  const digits = match?.[2] ?? "";
  const sequence = Number(digits);
  const canonical = match !== null && formatOffset(sequence) === match[1] + digits;
  if (!canonical || !Number.isSafeInteger(sequence)) {
    const shown = text.length > 64 ? `${text.slice(0, 64)}…` : text;
    throw new SluiceError("offset/malformed", `${JSON.stringify(shown)} is not an offset of this server.`, {
      details: { field: "Last-Event-ID" },
    });
  }
  return { sequence, skip: match[3] === undefined ? 0 : Number(match[3]) };
}
