import { wrongField } from "./ask.ts";
import type { Call } from "./types.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** `?limit=&before=` of a list. @throws SluiceError `request/invalid` */
export function pageOf(call: Call): { readonly limit: number; readonly before?: string } {
  const { searchParams } = call.location;
  const before = searchParams.get("before");
  const limit = Number(searchParams.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw wrongField("limit", `limit must be a whole number from 1 to ${MAX_LIMIT}.`);
  }
  return { limit, ...(before === null ? {} : { before }) };
}
