import { wrongOption } from "../base/options.ts";

const MAX_NAME = 2_048;
// Half a character becomes another one as UTF-8: two keys would be one in Redis.
const LONE = /[\uD800-\uDFFF]/u;

/** A topic's key, or a name in it. @throws SluiceError `option/invalid` */
export function checkName(field: "key" | "who", value: string): string {
  if (typeof value === "string" && value !== "" && value.length <= MAX_NAME && !LONE.test(value)) return value;
  throw wrongOption(field, `${field} must be a text of 1 to ${MAX_NAME} characters.`);
}
