import { SluiceError } from "../base/errors.ts";

/** @throws SluiceError `option/invalid` unless the value is a whole number from 1 */
export function checkCount(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new SluiceError("option/invalid", `${option} must be a whole number from 1.`, { details: { option } });
}
