import { wrongOption } from "../base/options.ts";
import { untilAborted } from "../base/abort.ts";
import { LONGEST_TIMER_MS, systemClock, type Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { JsonObject } from "../base/json.ts";
import { fromOpenAIChat } from "../dialects/index.ts";
import { contentOf, type ContentPart } from "./files.ts";
import { toModelError } from "./openai-errors.ts";
import { asChunk } from "./openai-whole.ts";
import type { Model, ModelMessage, ModelRequest } from "./types.ts";

/** The one call made of the `openai` package's client, so that another version or a double fits too. */
export interface OpenAIClient {
  readonly chat: {
    readonly completions: {
      create(body: OpenAIRequest, options: { readonly signal: AbortSignal }): PromiseLike<AsyncIterable<unknown>>;
      create(body: OpenAIWholeRequest, options: { readonly signal: AbortSignal }): PromiseLike<unknown>;
    };
  };
}

/** What is sent. Settings of the request that are on the allow-list stand beside these fields. */
export interface OpenAIRequest {
  readonly model: string;
  readonly messages: OpenAIMessage[];
  readonly stream: true;
  readonly stream_options: { readonly include_usage: true };
}

export type OpenAIMessage =
  | { readonly role: "user"; readonly content: string | ContentPart[] }
  | { readonly role: "system" | "assistant"; readonly content: string };

/** The same, for an answer in one piece. */
export type OpenAIWholeRequest = Omit<OpenAIRequest, "stream" | "stream_options"> & { readonly stream: false };

export interface OpenAIModelOptions {
  /** Its own `timeout` and `maxRetries` apply; only calls that gave nothing yet are retried. */
  readonly client: OpenAIClient;
  /** Used when the request names none. */
  readonly model: string;
  /** Default `openai`. */
  readonly name?: string;
  /** Longest wait for the first chunk, retries included, and for each next one. Default 60,000. */
  readonly stallMs?: number;
  /**
   * Where the provider refuses a stream with 429 before its first chunk: asks once more, for the answer in one piece.
   * Some providers limit the two apart. Default false.
   */
  readonly wholeWhenLimited?: boolean;
  readonly clock?: Clock;
}

/**
 * A model behind OpenAI's chat completions, or behind a server that speaks like it. Failures are `llm/refused`,
 * `llm/rate-limited`, `llm/failed`, `llm/stalled` and `llm/truncated`; their messages say nothing of the provider's.
 */
export function createOpenAIModel(options: OpenAIModelOptions): Model {
  const { client, model, name = "openai", stallMs = 60_000, wholeWhenLimited = false, clock = systemClock } = options;
  if (!(stallMs >= 1 && stallMs <= LONGEST_TIMER_MS)) {
    throw wrongOption("stallMs", `stallMs must be from 1 to ${LONGEST_TIMER_MS} milliseconds.`);
  }
  return {
    name,
    async *stream(request, signal) {
      const stall = new AbortController();
      const callSignal = AbortSignal.any([signal, stall.signal]);
      const onStall = (): void =>
        stall.abort(new SluiceError("llm/stalled", `The model sent nothing for ${stallMs} ms.`));
      const body = toBody(request, model);
      const chunks = untilAborted(call(client, { body, wholeWhenLimited, signal: callSignal }), callSignal);
      try {
        yield* fromOpenAIChat(watch(chunks, { arm: () => clock.timer(stallMs, onStall), signal }));
      } catch (error) {
        // The SDK ends an aborted stream as if it were complete, so the signal is asked before the error.
        throw callSignal.aborted ? callSignal.reason : toModelError(error);
      }
    },
  };
}

/** Anything else a caller sends along is left out: tools, formats and the like change what the answer is made of. */
const SETTINGS: readonly string[] = [
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens",
  "presence_penalty",
  "frequency_penalty",
  "reasoning_effort",
  "verbosity",
  "seed",
  "stop",
];

function toBody(request: ModelRequest, model: string): OpenAIRequest {
  return {
    ...allowed(request.settings ?? {}),
    model: request.model ?? model,
    messages: request.messages.map(toMessage),
    stream: true,
    stream_options: { include_usage: true },
  };
}

function toMessage(message: ModelMessage): OpenAIMessage {
  const { role, content } = message;
  return role === "user" ? { role, content: contentOf(message) } : { role, content };
}

function allowed(settings: JsonObject): JsonObject {
  return Object.fromEntries(SETTINGS.filter((key) => Object.hasOwn(settings, key)).map((key) => [key, settings[key]]));
}

interface CallOptions {
  readonly body: OpenAIRequest;
  readonly wholeWhenLimited: boolean;
  readonly signal: AbortSignal;
}

async function* call(client: OpenAIClient, options: CallOptions): AsyncGenerator<unknown> {
  const { body, wholeWhenLimited, signal } = options;
  const { completions } = client.chat;
  let stream: AsyncIterable<unknown>;
  try {
    stream = await completions.create(body, { signal });
  } catch (error) {
    if (!wholeWhenLimited || signal.aborted || toModelError(error).code !== "llm/rate-limited") throw error;
    const { stream: _stream, stream_options: _usage, ...rest } = body;
    yield asChunk(await completions.create({ ...rest, stream: false }, { signal }));
    return;
  }
  yield* stream;
}

interface WatchOptions {
  /** Starts the wait for one chunk and gives what cancels it. */
  readonly arm: () => () => void;
  readonly signal: AbortSignal;
}

/**
 * Arms a timer while a chunk is awaited, never while the consumer takes its time. What goes wrong after the finish
 * reason is not told: the answer is complete by then, and some servers never close.
 */
async function* watch(chunks: AsyncIterable<unknown>, options: WatchOptions): AsyncGenerator<unknown> {
  let complete = false;
  let disarm = options.arm();
  try {
    for await (const chunk of chunks) {
      disarm();
      complete ||= hasFinishReason(chunk);
      yield chunk;
      disarm = options.arm();
    }
  } catch (error) {
    if (!complete || options.signal.aborted) throw error;
  } finally {
    disarm();
  }
}

function hasFinishReason(chunk: unknown): boolean {
  const choices = isObject(chunk) && Array.isArray(chunk["choices"]) ? chunk["choices"] : [];
  return choices.some((choice) => {
    const reason = isObject(choice) ? choice["finish_reason"] : undefined;
    return typeof reason === "string" && reason !== "";
  });
}
