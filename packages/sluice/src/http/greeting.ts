import { encodeComment, encodeEvent } from "../sse/index.ts";

/**
 * What every stream begins with, before the model's first token: it makes servers and proxies that hold headers back
 * until there is a body let go of them.
 */
export function greeting(retryMs: number): string {
  return encodeComment("sluice") + encodeEvent({ retry: retryMs });
}

export const HEARTBEAT: string = encodeComment();
