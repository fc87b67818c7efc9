import type { Message } from "sluice/chat";
import { openEventStream, readMessage, type StreamState } from "sluice/client";
import { isSluiceError } from "sluice/errors";
import type { Turn, WaitReason } from "./chat.ts";

export interface FollowOptions {
  readonly fetch: typeof globalThis.fetch;
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
  const { fetch, signal, onOpen, onWaiting, onProgress } = options;
  const onState = (state: StreamState): void => {
    if (state.status === "open") onOpen(state.runId);
    if (state.status === "waiting") onWaiting(waitReason(state.error));
  };
  const events = openEventStream({ ...source(turn), dialect: "ai-sdk", fetch, signal, onState });
  for await (const message of readMessage(events)) onProgress(message);
}

// A question that nobody takes is soon the person's to decide about; a run that exists is waited for through a deploy.
const START_PATIENCE_MS = 10_000;
const RESUME_PATIENCE_MS = 120_000;

function source({ runId, body }: Turn): Pick<Parameters<typeof openEventStream>[0], "url" | "body" | "giveUpMs"> {
  return runId === undefined
    ? { url: "/stream?dialect=ai-sdk", body, giveUpMs: START_PATIENCE_MS }
    : { url: `/runs/${encodeURIComponent(runId)}/events?dialect=ai-sdk`, giveUpMs: RESUME_PATIENCE_MS };
}

function waitReason(error: Error): WaitReason {
  return isSluiceError(error, "client/refused") ? "unavailable" : "unreachable";
}
