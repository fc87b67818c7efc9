import { streamText } from "ai";
import { MockLanguageModelV3, simulateReadableStream } from "ai/test";
import { createOrder, fold, parseRunEvent, textOf, type RunEvent } from "../../src/chat/index.ts";
import { toRunEvents, type RunSource } from "../../src/run/source.ts";
import { encodeEvent, sseResponse } from "../../src/sse/index.ts";

export const never = new AbortController().signal;

/** The events, checked as the writer checks them. */
export async function read(source: RunSource, signal: AbortSignal = never): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  const order = createOrder();
  order.accept({ type: "start" });
  for await (const event of toRunEvents(source, { signal })) {
    order.accept(parseRunEvent(event));
    events.push(event);
  }
  return events;
}

export async function failure(source: unknown, signal: AbortSignal = never): Promise<unknown> {
  try {
    for await (const _ of toRunEvents(source as RunSource, { signal }));
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown.");
}

export const told = (events: readonly RunEvent[]): string => textOf(fold([{ type: "start" }, ...events]));

export async function* from<T>(...items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** Ends with the given items as SSE; `data` of objects is JSON. */
export function sse(items: readonly unknown[], headers: Record<string, string> = {}): Response {
  const { body } = new Response(items.map((data) => encodeEvent({ data })).join(""));
  if (body === null) throw new Error("no body");
  return sseResponse(body, { headers });
}

const chatChunk = (delta: object, finish_reason: string | null = null): object => ({
  id: "c",
  object: "chat.completion.chunk",
  created: 1,
  model: "m",
  choices: [{ index: 0, delta, finish_reason }],
});
export const chat = [
  chatChunk({ role: "assistant", content: "Hel" }),
  chatChunk({ content: "lo" }),
  chatChunk({}, "stop"),
];
export const responses = [
  { type: "response.created", sequence_number: 0, response: {} },
  { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "Hello" },
  { type: "response.completed", response: {} },
];
export const chunks = [
  { type: "start", messageId: "m" },
  { type: "text-start", id: "0" },
  { type: "text-delta", id: "0", delta: "Hello" },
  { type: "text-end", id: "0" },
  { type: "finish", finishReason: "stop" },
];

/** An answer of the package `ai`, said by a model that calls nobody. */
export function answer(): ReturnType<typeof streamText> {
  const model = new MockLanguageModelV3({
    doStream: async () => ({
      stream: simulateReadableStream({
        chunks: [
          { type: "text-start" as const, id: "t" },
          { type: "text-delta" as const, id: "t", delta: "Hello" },
          { type: "text-end" as const, id: "t" },
          {
            type: "finish" as const,
            finishReason: { unified: "stop" as const, raw: "stop" },
            usage: {
              inputTokens: { total: 3, noCache: 3, cacheRead: undefined, cacheWrite: undefined },
              outputTokens: { total: 2, text: 2, reasoning: undefined },
            },
          },
        ],
        initialDelayInMs: null,
        chunkDelayInMs: null,
      }),
    }),
  });
  return streamText({ model, prompt: "Hi" });
}

/** A stream that gives `first` and hangs. */
export function watched<T>(...first: readonly T[]): Watched<T> {
  let cancelled = false;
  let hang = (): void => {};
  const hangs = new Promise<void>((resolve) => (hang = resolve));
  const rest = [...first];
  const stream = new ReadableStream<T>(
    {
      pull(controller) {
        const [next] = rest.splice(0, 1);
        if (next !== undefined) {
          controller.enqueue(next);
          return undefined;
        }
        hang();
        return new Promise<void>(() => {});
      },
      cancel() {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, hangs, cancelled: () => cancelled };
}

export interface Watched<T> {
  readonly stream: ReadableStream<T>;
  /** Resolves once somebody waits in vain. */
  readonly hangs: Promise<void>;
  readonly cancelled: () => boolean;
}
