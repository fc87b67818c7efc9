import { openEventStream, type StreamEvent, type StreamState } from "sluice/client";
import { statusOf } from "../server/call.ts";
import { isGap } from "./api.ts";

export interface FollowOptions<T> {
  /** What there is now. */
  readonly load: () => Promise<{ readonly place: string; readonly value: T }>;
  readonly url: string;
  readonly onLoad: (value: T) => void;
  readonly onEvent: (event: StreamEvent) => void;
  readonly onState: (state: FollowState) => void;
  readonly signal: AbortSignal;
  readonly fetch: typeof globalThis.fetch;
}

export type FollowState =
  | { readonly kind: "loading" | "live" }
  | { readonly kind: "waiting"; readonly retryInMs: number }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * What there is, then what changes, over as many connections as it takes; from the start again where too much was
 * missed. Ends with the signal, or when the gateway says no.
 */
export async function follow<T>(options: FollowOptions<T>): Promise<void> {
  const { load, onLoad, onState, signal } = options;
  let gaps = 0;
  let away = false;
  const onEvent = (event: StreamEvent): void => {
    gaps = 0;
    options.onEvent(event);
  };
  while (!signal.aborted) {
    // What was said of its being away holds until it is back.
    if (!away) onState({ kind: "loading" });
    try {
      const { place, value } = await load();
      away = false;
      if (signal.aborted) return;
      onLoad(value);
      await read({ ...options, onEvent }, place);
    } catch (error) {
      if (signal.aborted) return;
      if (isGap(error)) {
        await pauseAfter((gaps += 1));
        continue;
      }
      if (isAway(error)) {
        away = true;
        onState({ kind: "waiting", retryInMs: AWAY_PAUSE_MS });
        await pause(AWAY_PAUSE_MS);
        continue;
      }
      onState({ kind: "failed", error });
      return;
    }
  }
}

async function read<T>(options: FollowOptions<T>, place: string): Promise<void> {
  const { url, signal, fetch, onEvent, onState } = options;
  const onStream = (state: StreamState): void => {
    if (state.status === "open") onState({ kind: "live" });
    else if (state.status === "waiting") onState({ kind: "waiting", retryInMs: state.retryInMs });
  };
  const stream = openEventStream(url, {
    lastEventId: place,
    signal,
    onState: onStream,
    isTerminal: () => false,
    backoff: { maxMs: 5_000, maxAttempts: Number.POSITIVE_INFINITY },
    fetch,
  });
  for await (const event of stream) if (event.event !== "connected") onEvent(event);
}

const GAP_PAUSE_MS = 1_000;

/** The first gap is told by a gateway that began anew; more in a row by one that cannot keep up. */
async function pauseAfter(gaps: number): Promise<void> {
  if (gaps > 1) await pause(GAP_PAUSE_MS);
}

const AWAY_PAUSE_MS = 2_000;

/** It said nothing, or only that it cannot just now: it restarts, or the network is gone. */
function isAway(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && (status === 0 || status >= 500);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
