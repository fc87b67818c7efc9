import { whenAborted } from "../../base/abort.ts";
import { SluiceError, isSluiceError } from "../../base/errors.ts";
import { isObject } from "../../base/json.ts";
import { noMeter } from "../../base/meter.ts";
import { pull, type Pull } from "../../dialects/pull.ts";
import { sseResponse } from "../../sse/index.ts";
import type { Release } from "../limits.ts";
import { refuse } from "../reply.ts";
import { toResponse } from "../web.ts";
import { LAST_ID, streamBody } from "./body.ts";
import { settle, type Settled, type StreamResponseOptions } from "./options.ts";
import { toChunks, type ChunkSource, type Transform } from "./updates.ts";

/** Chunks, the promise of them, or a function that asks for them, which is not called for a request that is refused. */
export type ChunkInput<Chunk> =
  | ChunkSource<Chunk>
  | PromiseLike<ChunkSource<Chunk>>
  | ((context: ChunkContext) => ChunkSource<Chunk> | PromiseLike<ChunkSource<Chunk>>);

export interface ChunkContext {
  /** Fires when the stream ends before its source does. Hand it to the LLM call. */
  readonly signal: AbortSignal;
}

/**
 * Streams chunks as SSE: each is an `update` with JSON, then comes `done`, or `error {code, message}`. Nothing is kept:
 * a client that comes back with `Last-Event-ID` is never sent the answer again, but 204 when it has everything, else 410
 * `log/gap`. An answer that is to survive a cut is a run: `createSluice`, in the dialect `update`.
 *
 * What fails before the stream has begun is an answer too: 429 of the limit, the fallback when the provider limits the
 * rate, else JSON with the status of the code, 500 for a foreign error.
 *
 * @param how a transform, or all options in one object
 * @param headers of the response, beside a transform
 * @throws SluiceError `option/invalid`, and nothing else
 */
export async function streamResponse<Chunk>(
  input: ChunkInput<Chunk>,
  how: Transform<Chunk> | StreamResponseOptions<Chunk> = {},
  headers?: HeadersInit,
): Promise<Response> {
  // Until it is waited for, which may be after a limit has been asked, its failure is nobody's.
  if (input instanceof Promise) input.catch(() => {});
  const given = typeof how === "function" ? { transform: how } : how;
  const options = settle(headers === undefined ? given : { ...given, headers });
  const { request, limit } = options;
  let release: Release;
  try {
    const known = hasAll(request) ? 204 : request?.method === "HEAD" ? 200 : undefined;
    if (known !== undefined) {
      discard(input);
      return known === 204
        ? new Response(null, { status: 204, headers: { "cache-control": "no-store" } })
        : sseResponse(noBody(), { headers: options.headers });
    }
    release = await limit?.admit(limit.owner, "start");
  } catch (error) {
    discard(input);
    return refusal(error, options);
  }
  return begin(input, options, release);
}

async function begin<Chunk>(input: ChunkInput<Chunk>, options: Settled<Chunk>, release: Release): Promise<Response> {
  const { request, clock, timeLimitMs, fallback, onDisconnect } = options;
  const ending = new AbortController();
  const cancelLimit = clock.timer(timeLimitMs, () => {
    ending.abort(new SluiceError("run/max-duration", `The answer took longer than ${timeLimitMs / 1_000} s.`));
  });
  const onOver = (): void => {
    cancelLimit();
    release?.();
  };
  // Also while the provider thinks about it.
  const leave = (): void => ending.abort(new SluiceError("reader/left", "Client disconnected"));
  const waiter = onDisconnect === "continue" ? undefined : request?.signal;
  if (waiter?.aborted === true) leave();
  else waiter?.addEventListener("abort", leave, { once: true });
  let source: Pull<Chunk>;
  try {
    source = await open(input, ending.signal);
  } catch (error) {
    onOver();
    return isRateLimit(error) ? await fallBack(error, options) : refusal(error, options);
  } finally {
    waiter?.removeEventListener("abort", leave);
  }
  const recover = async (error: unknown): Promise<unknown> => (isRateLimit(error) ? await fallback?.() : undefined);
  const body = streamBody<Chunk>({ ...options, source, ending, gone: request?.signal, recover, onOver });
  return sseResponse(body, { headers: options.headers });
}

/** Whether a client that comes back has everything. @throws SluiceError `log/gap` when it has a part */
function hasAll(request: Request | undefined): boolean {
  const id = request?.headers.get("last-event-id") ?? "";
  if (id === "" || id === LAST_ID) return id !== "";
  throw new SluiceError("log/gap", "This stream was not kept, so it cannot be continued. Ask again.", {
    details: { field: "Last-Event-ID" },
  });
}

/** Takes hold of the chunks. The time limit holds for the wait, too. */
async function open<Chunk>(input: ChunkInput<Chunk>, signal: AbortSignal): Promise<Pull<Chunk>> {
  const opening = (async () =>
    pull<Chunk>(toChunks(await (typeof input === "function" ? input({ signal }) : input))))();
  const late = whenAborted(signal);
  const source = await Promise.race([opening, late.promise]).finally(late.dispose);
  if (source) return source;
  letGoOf(opening);
  throw signal.reason;
}

/** For a request that is answered without it. */
function discard<Chunk>(input: ChunkInput<Chunk>): void {
  if (typeof input === "function") return;
  letGoOf((async () => pull<Chunk>(toChunks(await input)))());
}

function letGoOf(opening: Promise<Pull<unknown>>): void {
  void opening.then(
    (source) => source.letGo(),
    () => {},
  );
}

/** Read by shape, as the clients of many providers say it. Of our own errors only that one is the provider's. */
function isRateLimit(error: unknown): boolean {
  if (isSluiceError(error)) return error.code === "llm/rate-limited";
  return isObject(error) && error["status"] === 429;
}

async function fallBack<Chunk>(error: unknown, options: Settled<Chunk>): Promise<Response> {
  const { log, fallback = () => ({ error: "Rate limited, using standard response" }) } = options;
  let response: Response;
  try {
    response = Response.json(await fallback(), { headers: { "cache-control": "no-store" } });
  } catch (second) {
    return refusal(second, options);
  }
  log("warn", "stream fell back", { code: "llm/rate-limited", error });
  return response;
}

/** An error in the shape of all our errors, with one log line. */
function refusal<Chunk>(error: unknown, { request, log }: Settled<Chunk>): Response {
  const asked = request ?? NOBODY;
  return toResponse(refuse(error, asked, { log, meter: noMeter }), asked);
}

// For a caller that gave no request: the log line names a path all the same.
const NOBODY: Pick<Request, "method" | "url" | "headers" | "signal"> = {
  method: "GET",
  url: "http://localhost/",
  headers: new Headers(),
  signal: new AbortController().signal,
};

function noBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}
