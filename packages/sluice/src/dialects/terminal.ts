import { DONE } from "./decoder.ts";

/**
 * Whether an SSE event, as a client dispatches it, says that the answer is over. False for a dialect that is not
 * built in: its reader finds out by asking again, which a server answers with 204.
 */
export function isTerminalFrame(
  dialectName: string,
  frame: { readonly event?: string; readonly data: string },
): boolean {
  const { event = "message", data } = frame;
  switch (dialectName) {
    case "simple":
    case "envelope":
    case "update":
    case "text":
      return event === "done" || event === "error";
    case "graph":
    case "graph-channels":
      return event === "final" || event === "error";
    case "ai-sdk":
      return event === "message" && data === DONE;
    default:
      return false;
  }
}
