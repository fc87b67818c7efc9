import type { ApplicationEvent, RunEvent } from "../chat/index.ts";
import { decode } from "../dialects/decoder.ts";
import { createItemDecoder } from "../dialects/items.ts";
import { pull, type Pullable } from "../dialects/pull.ts";
import { isResponse, openResponse, type OpenSource } from "../dialects/response.ts";

/**
 * What a run is made of, or the promise of it (`openai.chat.completions.create({ stream: true, ... })`):
 * - text, as strings
 * - chat events and application events, which may be mixed with strings
 * - a stream of the package `openai`: chat completions or responses
 * - `toUIMessageStream()` of the package `ai`; a stream that begins with `start`, or has only data, sources, files or
 *   metadata before it, must also say how it ends
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

export type Source = Pullable<SourceItem> | Response;

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
  const { items, letGo, decoder } = openSource(await source);
  if (signal.aborted) letGo();
  signal.throwIfAborted();
  signal.addEventListener("abort", letGo, { once: true });
  try {
    yield* decode(items, decoder, signal);
  } finally {
    signal.removeEventListener("abort", letGo);
  }
}

/**
 * Takes hold of a source; nothing is pulled yet.
 * @throws SluiceError `run/source-unsupported`, `llm/refused`
 */
export function openSource(source: Source): OpenSource {
  return isResponse(source)
    ? openResponse(source)
    : { ...pull<unknown>(source), decoder: createItemDecoder({ remote: false }) };
}
