import { LONGEST_TIMER_MS } from "./clock.ts";
import { SluiceError } from "./errors.ts";

export interface WholeRange {
  /** Default 1. */
  readonly from?: number;
  /** Default: as many milliseconds as a timer can hold. */
  readonly to?: number;
}

/** @throws SluiceError `option/invalid` unless the value is a whole number of the range */
export function checkWhole(field: string, value: number, range: WholeRange = {}): number {
  const { from = 1, to = LONGEST_TIMER_MS } = range;
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value;
  throw wrongOption(field, `${field} must be a whole number from ${from} to ${to}.`);
}

/** For an option that cannot work; the message says how it would. */
export function wrongOption(field: string, message: string): SluiceError {
  return new SluiceError("option/invalid", message, { details: { field } });
}
