import type { Message } from "sluice/chat";
import { openEventStream, readMessage, type EventStreamOptions, type StreamState } from "sluice/client";
import { isSluiceError } from "sluice/errors";
import type { Turn, WaitReason } from "./chat.ts";

/** How the server is reached. Time and chance are for tests. */
export interface Connection extends Pick<EventStreamOptions, "clock" | "random"> {
  readonly fetch: typeof globalThis.fetch;
  /** What the paths of the server are relative to. */
  readonly origin: string;
}

export interface FollowOptions extends Connection {
  /** Ends the reading, not the run. */
  readonly signal: AbortSignal;
  /** Each time a connection has opened. */
  readonly onOpen: (runId: string | undefined) => void;
  readonly onWaiting: (reason: WaitReason) => void;
  readonly onProgress: (message: Message) => void;
}

/**
 * Reads the whole answer of a turn: of its run when that is known, else of a POST that starts the run or attaches to
 * it. It is folded from the first event on, so what a reload shows is what an uninterrupted page shows.
 *
 * @throws SluiceError as `openEventStream`
 */
export async function followTurn(turn: Turn, options: FollowOptions): Promise<void> {
  const { origin, onOpen, onWaiting, onProgress, ...connection } = options;
  const onState = (state: StreamState): void => {
    if (state.status === "open") onOpen(state.runId);
    if (state.status === "waiting") onWaiting(waitReason(state.error));
  };
  const { path, ...source } = sourceOf(turn);
  const url = new URL(path, origin);
  const events = openEventStream({ ...connection, ...source, url, dialect: "ai-sdk", onState });
  for await (const message of readMessage(events)) onProgress(message);
}

// A question that nobody takes is soon the person's to decide about; a run that exists is waited for through a deploy.
const START_PATIENCE_MS = 10_000;
const RESUME_PATIENCE_MS = 120_000;

function sourceOf({ runId, body }: Turn): Pick<EventStreamOptions, "body" | "giveUpMs"> & { readonly path: string } {
  return runId === undefined
    ? { path: "/stream?dialect=ai-sdk", body, giveUpMs: START_PATIENCE_MS }
    : { path: `/runs/${encodeURIComponent(runId)}/events?dialect=ai-sdk`, giveUpMs: RESUME_PATIENCE_MS };
}

function waitReason(error: Error): WaitReason {
  return isSluiceError(error, "client/refused") ? "unavailable" : "unreachable";
}
