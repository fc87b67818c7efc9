import { wrongOption } from "../base/options.ts";

/** @throws SluiceError `option/invalid` unless the value is a number of milliseconds, `Infinity` included */
export function checkMs(field: string, value: number): void {
  if (!(value >= 0)) throw wrongOption(field, `${field} must be a number of milliseconds.`);
}
