import type { ApplicationEvent, RunEvent } from "../chat/index.ts";

export type SourceItem = string | ApplicationEvent | { readonly type: string } | { readonly choices: readonly unknown[] };
export type RunSource = Source | PromiseLike<Source>;
type Source = AsyncIterable<SourceItem> | ReadableStream<SourceItem> | Response;

export async function* toRunEvents(
  source: RunSource,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<RunEvent> {
  options.signal.throwIfAborted();
  for await (const item of (await source) as AsyncIterable<unknown>) yield item as RunEvent;
}
