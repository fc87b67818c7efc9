import type { Envelope } from "./event.ts";

export interface SinkContext {
  readonly channel: string;
  readonly runId: string;
  /** Fires when the run is stopped, or fails. */
  readonly signal: AbortSignal;
}

/**
 * Where events of a channel go beside its agents. One sink serves all runs; for each of them
 * - `write` gets every event of the channel once, in order, the next one when its promise has resolved
 * - `emit` waits while as many events wait for the sink as the channel has capacity
 * - the run does not end before the sink has everything, and ends with an error when `write` rejects
 * - after a stop or a failure, what still waits is dropped
 */
export interface Sink {
  readonly kind: string;
  write(event: Envelope, context: SinkContext): Promise<void> | void;
  /**
   * Called once when a run that wrote something is over, however it ended; after a stop or a failure also while a `write`
   * is under way, which may hang. What it throws changes nothing.
   */
  end?(context: SinkContext): Promise<void> | void;
}

/** Marks a channel whose events are streamed to the client: they go into the log of the run. */
export interface HttpStreamSink {
  readonly kind: "http-stream";
  readonly waitForReader: boolean;
}

export function isHttpStream(sink: Sink | HttpStreamSink): sink is HttpStreamSink {
  return !("write" in sink);
}
