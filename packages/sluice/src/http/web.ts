import type { Clock } from "../base/clock.ts";
import { isSluiceError } from "../base/errors.ts";
import { incomplete, tooLarge } from "./body.ts";
import { HEARTBEAT, endsFrame, greeting } from "./greeting.ts";
import { startHeartbeat, type Heartbeat } from "./heartbeat.ts";
import type { BodyText, Call, EventStream, ReaderOutcome, Reply } from "./types.ts";

/** A Web `Request` as the handlers see it. */
export function callOf(request: Request): Call {
  return {
    method: request.method,
    url: request.url,
    headers: request.headers,
    location: new URL(request.url),
    signal: request.signal,
    keepAlive: false, // a Request does not say which version of HTTP it came by
    body: (limit) => readText(request, limit),
  };
}

async function readText({ headers, body, bodyUsed }: Request, limit: number): Promise<BodyText> {
  if (Number(headers.get("content-length") ?? 0) > limit) throw tooLarge(limit);
  if (bodyUsed) throw new TypeError("The body of this Request has been read already.");
  if (body === null) return { text: "" };
  // Cancelling would make some servers close the connection, and its client would not get to read the 413.
  const chunks = body.values({ preventCancel: true });
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes > limit) throw tooLarge(limit);
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    throw isSluiceError(error) ? error : incomplete(error);
  }
  return { text: text + decoder.decode() };
}

/** @throws TypeError for headers that cannot be written */
export function toResponse(
  reply: Reply,
  { method, signal }: Pick<Request, "method" | "signal">,
  clock: Clock,
): Response {
  const { status } = reply;
  const headers = new Headers(reply.headers);
  if (reply.kind === "events") return new Response(streamOf(reply.events, signal, clock), { status, headers });
  if (reply.kind === "empty") return new Response(null, { status, headers });
  headers.set("content-type", "application/json; charset=utf-8");
  return new Response(method === "HEAD" ? null : JSON.stringify(reply.body), { status, headers });
}

/**
 * Pulled by whoever reads the body, so a slow reader holds one piece, and a body that is never read costs nothing.
 * An unfinished answer ends with an error of the stream, which servers turn into a broken connection, never with a
 * normal end (promise 3).
 */
function streamOf(events: EventStream, gone: AbortSignal, clock: Clock): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const over = new AbortController();
  const frames = events.open(over.signal);
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let heartbeat: Heartbeat | undefined;
  let exit = (): void => {};
  let ended = false;
  let betweenFrames = true;
  let writes = 0;
  let bytes = 0;

  function send(chunk: Uint8Array): void {
    betweenFrames = endsFrame(chunk);
    writes += 1;
    bytes += chunk.byteLength;
    controller.enqueue(chunk);
  }

  function begin(): void {
    send(encoder.encode(greeting(events.retryMs)));
    heartbeat = startHeartbeat(clock, events.heartbeatMs, () => {
      // Below zero something waits already: the silence is the reader's own.
      if (betweenFrames && (controller.desiredSize ?? -1) >= 0) send(encoder.encode(HEARTBEAT));
    });
    exit = events.enter((reason) => fail({ error: reason, left: false }));
    // Not every server cancels the body of a client that has gone.
    gone.addEventListener("abort", leave, { once: true });
    if (gone.aborted) leave();
  }

  function leave(): void {
    fail({ error: gone.reason, left: true });
  }

  function fail(outcome: Pick<ReaderOutcome, "error" | "left">): void {
    if (ended) return;
    end(outcome);
    controller.error(outcome.error);
  }

  function end(outcome: Pick<ReaderOutcome, "error" | "left">): void {
    if (ended) return;
    ended = true;
    heartbeat?.stop();
    exit();
    gone.removeEventListener("abort", leave);
    over.abort(outcome.error);
    // Waits for a step that is under way, and lets go of the log where there is none.
    void frames.return(undefined).catch(() => {});
    events.closed({ ...outcome, writes, bytes });
  }

  return new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      async pull() {
        if (!heartbeat) return begin();
        try {
          const next = await frames.next();
          if (ended) return;
          heartbeat.touch();
          if (next.done !== true) return send(next.value);
          end({ left: false });
          controller.close();
        } catch (error) {
          fail({ error, left: false });
        }
      },
      cancel: (reason) => end({ error: reason, left: true }),
    },
    { highWaterMark: 0 },
  );
}
