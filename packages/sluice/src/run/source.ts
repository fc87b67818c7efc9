import { SluiceError } from "../base/errors.ts";
import type { ApplicationEvent, RunEvent } from "../chat/index.ts";
import { decode, toItem, truncated, unsupported, type Decoder } from "../dialects/decoder.ts";
import { createItemDecoder } from "../dialects/items.ts";
import { isPullable, pull, type Pull, type Pullable } from "../dialects/pull.ts";
import { createRunEventDecoder } from "../dialects/run-events.ts";
import { createUIMessageDecoder } from "../dialects/ui-message-stream.ts";
import { parseEvents } from "../sse/index.ts";

/**
 * What a run is made of, or the promise of it (`openai.chat.completions.create({ stream: true, ... })`):
 * - text, as strings
 * - chat events and application events, which may be mixed with strings
 * - a stream of the package `openai`: chat completions or responses
 * - `toUIMessageStream()` of the package `ai`; a stream that begins with `start` must also say how it ends
 * - a `Response` that holds one of these as SSE, or text/plain
 */
export type RunSource = Source | PromiseLike<Source>;

/**
 * One piece of a source. Structural, so that no package is needed for its types: a string, an event of ours, a chunk of
 * the AI SDK, an event of OpenAI's Responses API (`type`), or a chunk of its chat API (`choices`).
 */
export type SourceItem =
  | string
  | ApplicationEvent
  | { readonly type: string }
  | { readonly choices: readonly unknown[] };

type Source = Pullable<SourceItem> | Response;

/**
 * The events of a source, up to its terminal if it has one. It pulls, and lets go of the source when it is left early or
 * the signal fires, also while the source hangs. Our own events are passed on unchecked: the writer checks all.
 * @throws SluiceError `run/source-unsupported`, `run/source-truncated`, `llm/failed`, `llm/refused`; what the source throws
 */
export async function* toRunEvents(
  source: RunSource,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<RunEvent> {
  const { signal } = options;
  const { items, letGo, decoder } = open(await source);
  if (signal.aborted) letGo();
  signal.throwIfAborted();
  signal.addEventListener("abort", letGo, { once: true });
  try {
    yield* decode(items, decoder, signal);
  } finally {
    signal.removeEventListener("abort", letGo);
  }
}

interface Opened extends Pull<unknown> {
  readonly decoder: Decoder;
}

function open(source: unknown): Opened {
  if (isResponse(source)) return openResponse(source);
  if (isPullable(source)) return { ...take(source), decoder: createItemDecoder({ remote: false }) };
  throw unsupported("This is no source.");
}

// The `Response` of another fetch than the global one is of another class.
function isResponse(source: unknown): source is Response {
  return (
    typeof source === "object" &&
    source !== null &&
    "ok" in source &&
    "status" in source &&
    "headers" in source &&
    "body" in source
  );
}

function openResponse(response: Response): Opened {
  const { ok, status, headers, body } = response;
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (ok && body !== null && type === "text/event-stream") {
    const { items, letGo } = take(body);
    const isUIMessageStream = headers.has("x-vercel-ai-ui-message-stream");
    const decoder = isUIMessageStream ? createUIMessageDecoder() : createItemDecoder({ remote: true });
    return { items: eventsOf(untilBroken(items)), letGo, decoder };
  }
  if (ok && body !== null && type === "text/plain") {
    const { items, letGo } = take(body);
    return { items: textOf(untilBroken(items)), letGo, decoder: createRunEventDecoder() };
  }
  void body?.cancel().catch(() => {});
  if (!ok) throw new SluiceError("llm/refused", `The source answered with status ${status}.`, { details: { status } });
  throw unsupported(body === null ? "The response has no body." : `The response is of type ${JSON.stringify(type)}.`);
}

function take<T>(source: Pullable<T>): Pull<T> {
  try {
    return pull(source);
  } catch (cause) {
    throw unsupported("The source cannot be read; it may be locked by another reader.", cause);
  }
}

async function* untilBroken<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (cause) {
    throw truncated(cause);
  }
}

/** What the events hold; those of the `simple` dialect, which is told by its first event, as `{event, data}`. */
async function* eventsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let simple: boolean | undefined;
  for await (const { event, data } of parseEvents(bytes)) {
    simple ??= event === "typing" || event === "chunk";
    yield simple ? { event, data: toItem(data) } : toItem(data);
  }
}

async function* textOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
