import { SluiceError } from "../base/errors.ts";

const MAX_MS = 2_147_483_647;

/** A whole number from 1. @throws SluiceError `option/invalid` */
export function checkCount(field: string, value: number, most: number = MAX_MS): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw wrong(field, `${field} must be a whole number from 1 to ${most}.`);
}

// A topic over HTTP has its owner in its key, who has 512 characters, of which each may take three.
const MAX_NAME = 2_048;
// Half a character becomes another one as UTF-8: two keys would be one in Redis.
const LONE = /[\uD800-\uDFFF]/u;

/** A topic's key, or a name in it. @throws SluiceError `option/invalid` */
export function checkName(field: "key" | "who", value: string): string {
  if (typeof value === "string" && value !== "" && value.length <= MAX_NAME && !LONE.test(value)) return value;
  throw wrong(field, `${field} must be a text of 1 to ${MAX_NAME} characters.`);
}

export function wrong(field: string, message: string): SluiceError {
  return new SluiceError("option/invalid", message, { details: { field } });
}
