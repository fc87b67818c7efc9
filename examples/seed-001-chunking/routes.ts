import OpenAI from "openai";
import { SluiceError } from "sluice/errors";
import { createSluice, createStreamLimit, streamResponse, type Logger } from "sluice/http";
import { rag } from "sluice/llm";
import { tokenStream } from "sluice/testing";
import { searchManual } from "./manual.ts";

// A limit of the provider's is answered at once, by a fallback, and not tried again first.
const openai = new OpenAI({ maxRetries: 0 });
const model = "gpt-4o";

/** Stands for your own session check. */
export function userOf(request: { readonly headers: { get(name: string): string | null } }): string {
  return request.headers.get("x-user") ?? "anonymous";
}

/**
 * Basic streaming (line 46 of the document). The request says who comes back: an EventSource does after each end, and the
 * model is not asked again for it.
 */
export async function stream(request: Request): Promise<Response> {
  const { messages } = inputOf(request);
  return streamResponse(() => openai.chat.completions.create({ model, messages, stream: true }), {
    request,
    transform: (chunk) => ({ delta: chunk.choices[0]?.delta?.content ?? "" }),
  });
}

const context = rag({ search: searchManual });

/** Streaming with context (line 62): what the manual says goes ahead, in TOON, as the system's message. */
export async function streamWithContext(request: Request): Promise<Response> {
  const { query, message } = inputOf(request);
  const found = await context.buildContext(query, { user_id: userOf(request) });
  return streamResponse(
    () =>
      openai.chat.completions.create({
        model,
        messages: [
          { role: "system", content: found },
          { role: "user", content: message },
        ],
        stream: true,
        stream_options: { include_usage: true },
      }),
    {
      request,
      transform: (chunk) => ({
        delta: chunk.choices[0]?.delta?.content ?? "",
        usage: chunk.usage ?? null,
        finish_reason: chunk.choices[0]?.finish_reason ?? null,
      }),
    },
  );
}

/** Whoever leaves stops the provider's answer (line 229). Told apart from "continue", the default (line 244). */
export async function streamWithMonitoring(request: Request, log: Logger): Promise<Response> {
  const { messages } = inputOf(request);
  return streamResponse(({ signal }) => openai.chat.completions.create({ model, messages, stream: true }, { signal }), {
    request,
    log,
    onDisconnect: "stop",
    timeLimitMs: 300_000,
  });
}

/** Nothing is read ahead of a slow reader by more than 64 KiB; one that leaves is an exception in the loop (line 200). */
export function streamWithBackpressure(request: Request, chunks: AsyncIterable<unknown>): Promise<Response> {
  return streamResponse(chunks, { request, onDisconnect: "throw" });
}

/** A rate every 10 chunks and the figures at the end (lines 189 and 269): for the log, or for `onRate` and `onEnd`. */
export function measureStreamLatency(request: Request, chunks: AsyncIterable<unknown>, log: Logger): Promise<Response> {
  return streamResponse(chunks, {
    request,
    compression: true,
    log,
    onEnd: ({ bytes, wireBytes, savings, firstByteMs, ms }) =>
      log("info", "Stream figures", { bytes, wireBytes, savings, firstByteMs, ms }),
  });
}

const limit = createStreamLimit({ maxStreams: 3 });

/** The complete answer where the provider limits the rate (line 305), and three streams a user at most (line 366). */
export async function streamWithFallback(request: Request, log: Logger): Promise<Response> {
  const { messages } = inputOf(request);
  return streamResponse(() => openai.chat.completions.create({ model, messages, stream: true }), {
    request,
    log,
    limit: { owner: userOf(request), admit: limit },
  });
}

const sluice = createSluice({ basePath: "/chat", authorize: userOf });

/**
 * The same answer as a run: it survives the reader, the network and a bare EventSource, which comes back to this URL. With
 * `?ids=uuid` and `?encoding=base64` (or `br+base64`) it is what lines 12 to 18 show, and 171 with it.
 */
export async function resumableStream(request: Request): Promise<Response> {
  const [runId, offset] = request.headers.get("last-event-id")?.split("~") ?? [];
  if (runId && offset) return sluice.resume(request, runId, { dialect: "update" });
  const { messages } = inputOf(request);
  const run = await sluice.startRun({ owner: userOf(request) }, ({ signal }) =>
    openai.chat.completions.create({ model, messages, stream: true }, { signal }),
  );
  return run.toResponse(request, { dialect: "update", qualifiedIds: true });
}

/** What the page of the document reads (line 350). A page that comes back is told that it has everything. */
export function testStream(request: Request): Promise<Response> {
  return streamResponse(tokenStream(), { request });
}

interface Input {
  readonly messages: OpenAI.ChatCompletionMessageParam[];
  readonly query: string;
  readonly message: string;
}

/** `$request->input(...)` of a GET. @throws SluiceError `request/invalid-parameter` */
function inputOf(request: Request): Input {
  const { searchParams } = new URL(request.url);
  const message = searchParams.get("message") ?? "";
  const messages = searchParams.get("messages");
  return {
    message,
    query: searchParams.get("query") ?? message,
    messages: messages === null ? [{ role: "user", content: message }] : parsed(messages),
  };
}

function parsed(messages: string): OpenAI.ChatCompletionMessageParam[] {
  try {
    return JSON.parse(messages);
  } catch (cause) {
    throw new SluiceError("request/invalid-parameter", "`messages` must be JSON.", { cause });
  }
}
