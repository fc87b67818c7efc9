import type { FinishReason } from "../chat/index.ts";

/** A finish reason as we spell them; `other` for what we have no word for. */
export function knownFinishReason(reason: unknown): FinishReason {
  switch (reason) {
    case "stop":
    case "length":
    case "content-filter":
    case "tool-calls":
    case "error":
      return reason;
    default:
      return "other";
  }
}
