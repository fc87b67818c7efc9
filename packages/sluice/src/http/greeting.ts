import { encodeComment, encodeEvent } from "../sse/index.ts";

/**
 * What every stream begins with, before the model's first token: it makes servers and proxies that hold headers back
 * until there is a body let go of them.
 */
export function greeting(retryMs: number): string {
  return encodeComment("sluice") + encodeEvent({ retry: retryMs });
}

export const HEARTBEAT: string = encodeComment();

/** Whether these bytes end a frame. A large one comes in pieces, and nothing may be written into the middle of it. */
export function endsFrame(bytes: Uint8Array): boolean {
  return bytes.at(-1) === LINE_FEED && bytes.at(-2) === LINE_FEED;
}

const LINE_FEED = 10;
