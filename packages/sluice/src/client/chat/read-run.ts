import { SluiceError } from "../../base/errors.ts";
import type { RunEvent } from "../../chat/index.ts";
import { openEventStream } from "../reader.ts";
import { parseObject } from "../refusal.ts";
import type { EventStreamOptions, StreamEvent } from "../types.ts";
import { isRewound } from "./chat-error.ts";
import type { RunCopy } from "./run-copy.ts";

/** What is asked: a question to be posted, or a run that is there. */
export interface RunSource {
  readonly postUrl: string;
  readonly body: unknown;
  /** Where its events are read, once that is known. */
  readonly runUrl: string | undefined;
}

export interface ReadRunOptions extends Omit<
  EventStreamOptions,
  "body" | "method" | "lastEventId" | "backoff" | "headers"
> {
  readonly signal: AbortSignal;
  readonly headers: () => HeadersInit;
  /** As it is when a connection is opened. */
  readonly source: () => RunSource;
  readonly decode: ((events: AsyncIterable<StreamEvent>) => AsyncIterable<RunEvent>) | undefined;
  readonly onEvent: ((event: StreamEvent) => void) | undefined;
  /** The copy has grown. */
  readonly onProgress: (event: RunEvent) => void;
  /** The copy begins anew. */
  readonly onRestart: () => void;
}

// A question that nobody takes is soon the person's to decide about; a run that exists is waited for through a deploy.
const START_PATIENCE_MS = 10_000;
const RESUME_PATIENCE_MS = 120_000;

/**
 * Reads the rest of a run into the copy: by a POST that starts the run or attaches to it, else at the run's own URL.
 * Where the copy tells where to go on it is gone on from there; else the run is read from its first event.
 * @throws SluiceError as `openEventStream`; what `decode` and the fold throw
 */
export async function readRun(copy: RunCopy, options: ReadRunOptions): Promise<void> {
  // Told by a tab that reads in another dialect, where a decoder cannot begin.
  if (options.decode !== undefined) copy.lastEventId = undefined;
  while (!options.signal.aborted) {
    const { runUrl } = options.source();
    if (copy.lastEventId === undefined && copy.events.length > 0) restart();
    try {
      return await readOnce(copy, options);
    } catch (error) {
      if (copy.over) return;
      // Its run was found on the way: that one is waited for with more patience.
      const found = runUrl === undefined && options.source().runUrl !== undefined;
      if (copy.lastEventId !== undefined && isRewound(error)) copy.lastEventId = undefined;
      else if (!found || !(error instanceof SluiceError && error.code === "client/gave-up")) throw error;
    }
  }

  function restart(): void {
    copy.replace([]);
    options.onRestart();
  }
}

async function readOnce(copy: RunCopy, options: ReadRunOptions): Promise<void> {
  const { source, decode, onEvent, onProgress, onRestart: _onRestart, headers, ...reading } = options;
  const { postUrl, runUrl, body } = source();
  const reader = openEventStream(runUrl ?? postUrl, {
    ...reading,
    headers: headers(),
    ...(runUrl === undefined ? { body } : {}),
    ...(copy.lastEventId === undefined ? {} : { lastEventId: copy.lastEventId }),
    backoff: { giveUpMs: runUrl === undefined ? START_PATIENCE_MS : RESUME_PATIENCE_MS },
  });
  const take = (event: RunEvent): void => {
    copy.add(event);
    onProgress(event);
  };
  if (decode === undefined) {
    for await (const event of reader) {
      onEvent?.(event);
      copy.lastEventId = event.id;
      if (event.data !== DONE) take(parseChatEvent(event.data));
    }
  } else {
    // How far a decoder has read does not tell how far its events go: it is begun anew with the run.
    for await (const event of decode(told(reader, onEvent))) take(event);
  }
}

/** The last frame of the `ai-sdk` dialect. */
const DONE = "[DONE]";

// The server has checked it; the fold passes over what it does not know.
function parseChatEvent(data: string): RunEvent {
  const parsed = parseObject(data);
  if (typeof parsed["type"] === "string") return parsed as unknown as RunEvent;
  throw new SluiceError("chat/invalid-event", "This is no event of the ai-sdk dialect.");
}

async function* told(
  events: AsyncIterable<StreamEvent>,
  onEvent: ReadRunOptions["onEvent"],
): AsyncGenerator<StreamEvent> {
  for await (const event of events) {
    onEvent?.(event);
    yield event;
  }
}
