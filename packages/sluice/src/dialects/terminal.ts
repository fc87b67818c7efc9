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
      return event === "done" || event === "error";
    case "graph":
      return event === "final" || event === "error";
    case "ai-sdk":
      return event === "message" && data === DONE;
    default:
      return false;
  }
}
