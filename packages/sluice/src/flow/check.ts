import { SluiceError } from "../base/errors.ts";

/** @throws SluiceError `option/invalid` unless the value is a whole number from 1 */
export function checkCount(option: string, value: number): void {
  if (!(Number.isInteger(value) && value >= 1)) throw invalid(option, "a whole number from 1");
}

/** @throws SluiceError `option/invalid` unless the value is a number of milliseconds, `Infinity` included */
export function checkMs(option: string, value: number): void {
  if (!(value >= 0)) throw invalid(option, "a number of milliseconds");
}

function invalid(option: string, must: string): SluiceError {
  return new SluiceError("option/invalid", `${option} must be ${must}.`, { details: { option } });
}
