import { encodeComment, encodeEvent } from "../sse/index.ts";

// A reader that was cut comes back after about this long; our own client backs off further by itself.
const RETRY_MS = 1000;

/**
 * What every stream begins with, before the model's first token: it makes servers and proxies that hold headers back
 * until there is a body let go of them.
 */
export const GREETING: string = encodeComment("sluice") + encodeEvent({ retry: RETRY_MS });

export const HEARTBEAT: string = encodeComment();
