import type { Frame } from "./api.ts";

/** An entry of a log, or a frame of a dialect, as it is listed. */
export interface ShownEvent {
  /** The entry's number; of frames the place in the list. */
  readonly n: number;
  /** As clients see it: the offset. */
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** What it adds to the text of the answer. */
  readonly delta: string;
}

export function eventOf(n: number, text: string): ShownEvent {
  const { type, event, delta } = parse(text);
  const name = typeof event === "string" ? event : typeof type === "string" ? type : "?";
  return {
    n,
    id: offsetOf(n),
    name,
    text,
    delta: type === "text-delta" && typeof delta === "string" ? delta : "",
  };
}

export function frameOf(n: number, { id, event, data }: Frame): ShownEvent {
  return { n, id, name: event, text: data, delta: "" };
}

/** Over several lines where it is JSON. */
export function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// PROTOCOL.md section 3.
function offsetOf(n: number): string {
  const digits = String(n);
  return digits.length.toString(36) + digits;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
