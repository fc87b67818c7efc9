import type { Position } from "./offset.ts";

/**
 * A position as a UUID of version 8 (RFC 9562), for clients that want one: the last 12 digits are the sequence number in
 * decimal, the three after the version the frames skipped, and the rest tells whose it is.
 */
export interface UuidPosition {
  readonly position: Position;
  /** 15 hex digits that stand for the run. */
  readonly mark: string;
}

/** @param mark 15 hex digits */
export function formatUuid({ position, mark }: UuidPosition): string {
  const { sequence, skip } = position;
  const group = `8${mark.slice(12)}`;
  return `${mark.slice(0, 8)}-${mark.slice(8, 12)}-8${digits(skip, 3)}-${group}-${digits(sequence, 12)}`;
}

/** undefined for any other text, other UUIDs too. */
export function parseUuid(text: string): UuidPosition | undefined {
  const [, a = "", b = "", skip, c = "", sequence] = UUID.exec(text.toLowerCase()) ?? [];
  if (sequence === undefined) return undefined;
  return { position: { sequence: Number(sequence), skip: Number(skip) }, mark: a + b + c };
}

const UUID = /^([\da-f]{8})-([\da-f]{4})-8(\d{3})-8([\da-f]{3})-(\d{12})$/;

function digits(value: number, count: number): string {
  return String(value).padStart(count, "0");
}
