import type { ChatOptions } from "sluice/client";
import { DEFAULT_DIALECT } from "./settings.ts";

/** The wordings that this page can read, of those that a server may offer. */
export const READABLE_DIALECTS: readonly string[] = [
  "ai-sdk",
  "simple",
  "graph",
  "graph-channels",
  "envelope",
  "update",
  "text",
];

/** Makes chat events of a wording; undefined for the one that is chat events already. Loaded when it is needed. */
export function decoderFor(dialect: string): ChatOptions["decode"] {
  if (dialect === DEFAULT_DIALECT || !READABLE_DIALECTS.includes(dialect)) return undefined;
  return async function* decode(events) {
    const { fromFrames } = await import("./decode-frames.ts");
    yield* fromFrames(events, { dialect });
  };
}
