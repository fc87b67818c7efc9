import { isObject } from "../base/json.ts";

/** Usage, which travels in the metadata of a message. */
export function usageOf(metadata: unknown): unknown {
  return isObject(metadata) ? metadata["usage"] : undefined;
}
