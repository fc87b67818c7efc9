import { SluiceError } from "../base/errors.ts";

// The most that a timer of JavaScript waits: after more it fires at once.
const MAX_MS = 2_147_483_647;

/** @throws SluiceError `option/invalid` */
export function checkWhole(name: string, value: number, { from }: { readonly from: number }): number {
  if (Number.isSafeInteger(value) && value >= from && value <= MAX_MS) return value;
  throw wrong(name, `${name} must be a whole number from ${from} to ${MAX_MS}.`);
}

/** @throws SluiceError `option/invalid`. Without a limit: Infinity */
export function checkLimit(name: string, value: number | undefined): number {
  return value === undefined ? Number.POSITIVE_INFINITY : checkWhole(name, value, { from: 1 });
}

/** @throws SluiceError `option/invalid` */
export function checkPath(basePath: string): string {
  if (basePath === "" || /^(?:\/[\w.~-]+)+$/.test(basePath)) return basePath;
  throw wrong("basePath", "basePath is empty, or a path like /api/chat.");
}

function wrong(field: string, message: string): SluiceError {
  return new SluiceError("option/invalid", message, { details: { field } });
}
