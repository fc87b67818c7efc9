import { isObject } from "../base/json.ts";
import type { Usage } from "./events.ts";

/**
 * Metadata as it is known so far, with what came now: objects are merged deep, anything else is replaced, and
 * undefined or null at the top changes nothing.
 */
export function mergeMetadata(known: unknown, added: unknown): unknown {
  if (added === undefined || added === null) return known;
  return known === undefined || known === null ? added : mergeDeep(known, added);
}

/** The numbers of `{usage: {...}}`. */
export function usageOf(metadata: unknown): Usage | undefined {
  if (!isObject(metadata) || !isObject(metadata["usage"])) return undefined;
  return Object.fromEntries(Object.entries(metadata["usage"]).filter(([, count]) => typeof count === "number"));
}

function mergeDeep(known: unknown, added: unknown): unknown {
  if (!isRecord(known) || !isRecord(added)) return added;
  const merged = { ...known };
  for (const [key, value] of Object.entries(added)) {
    if (value === undefined || POLLUTING.has(key)) continue;
    merged[key] = mergeDeep(known[key], value);
  }
  return merged;
}

// Assigned to an object, or merged into what they name, they would reach the prototype. The AI SDK skips them too.
const POLLUTING: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

// A Date or a Map is a value, not a record to merge into.
function isRecord(value: unknown): value is Record<string, unknown> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
