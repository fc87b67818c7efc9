import { createFold, type ChatEvent, type Message } from "sluice/chat";
import { openEventStream, type RetryReason, type StreamEvent } from "sluice/client";
import type { Turn } from "./chat.ts";

export interface FollowOptions {
  readonly fetch: typeof globalThis.fetch;
  /** Ends the reading, not the run. */
  readonly signal: AbortSignal;
  /** Each time a connection has opened. */
  readonly onOpen: (runId: string | undefined) => void;
  readonly onWaiting: (reason: RetryReason) => void;
  /** After each event. The message is made when it is asked for: many events may come between two looks. */
  readonly onProgress: (message: () => Message) => void;
}

/**
 * The whole answer of a turn: of its run when that is known, else of a POST that starts the run or attaches to it.
 * It is folded from the first event on, so what a reload shows is what an uninterrupted page shows.
 *
 * @throws SluiceError as `openEventStream`
 */
export async function followTurn(turn: Turn, options: FollowOptions): Promise<Message> {
  const { fetch, signal, onOpen, onWaiting, onProgress } = options;
  const fold = createFold();
  const { url, ...request } = requestOf(turn);
  const events = openEventStream(url, {
    ...request,
    fetch,
    signal,
    onState(state) {
      if (state.kind === "open") onOpen(state.runId);
      if (state.kind === "waiting") onWaiting(state.reason);
    },
  });
  for await (const event of events) {
    const chatEvent = parseEvent(event);
    if (chatEvent === undefined) continue;
    fold.add(chatEvent);
    onProgress(() => fold.message);
  }
  return fold.message;
}

// A question that nobody answers is soon the reader's to decide about; a run that exists is waited for through a deploy.
const ATTEMPTS = { start: 5, resume: 12 };

function requestOf(turn: Turn): { url: string } & Parameters<typeof openEventStream>[1] {
  if (turn.runId !== undefined) {
    return { url: `/runs/${encodeURIComponent(turn.runId)}/events?dialect=ai-sdk`, maxAttempts: ATTEMPTS.resume };
  }
  return {
    url: "/stream?dialect=ai-sdk",
    method: "POST",
    headers: { "content-type": "application/json" },
    body: turn.body ?? "",
    maxAttempts: ATTEMPTS.start,
  };
}

/** Application events of other names and the closing `[DONE]` are not part of a message. */
function parseEvent({ event, data }: StreamEvent): ChatEvent | undefined {
  if (event !== "message" || data === "[DONE]") return undefined;
  const parsed: unknown = JSON.parse(data);
  const isEvent = typeof parsed === "object" && parsed !== null && "type" in parsed && typeof parsed.type === "string";
  // The server's writer has checked the rest.
  return isEvent ? (parsed as ChatEvent) : undefined;
}
