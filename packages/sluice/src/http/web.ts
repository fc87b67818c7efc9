import type { Clock } from "../base/clock.ts";
import { HEARTBEAT, greeting } from "./greeting.ts";
import { startHeartbeat, type Heartbeat } from "./heartbeat.ts";
import { tooLarge } from "./ask.ts";
import type { BodyText, Call, EventStream, ReaderOutcome, Reply } from "./types.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

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

async function readText(request: Request, limit: number): Promise<BodyText> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > limit) throw tooLarge(limit);
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  if (request.body === null) return { text };
  // Leaving the loop by throwing cancels the stream.
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
    if (bytes > limit) throw tooLarge(limit);
    text += decoder.decode(chunk, { stream: true });
  }
  return { text: text + decoder.decode() };
}

export function toResponse(reply: Reply, clock: Clock, method: string = "GET"): Response {
  const { status } = reply;
  const headers = new Headers(reply.headers);
  if (reply.kind === "events") return new Response(streamOf(reply.events, clock), { status, headers });
  if (reply.kind === "empty") return new Response(null, { status, headers });
  headers.set("content-type", "application/json; charset=utf-8");
  return new Response(method === "HEAD" ? null : JSON.stringify(reply.body), { status, headers });
}

/**
 * Pulled by whoever reads the body, so a slow reader holds one slice, and a body that is never read costs nothing.
 * An unfinished answer ends with an error of the stream, which servers turn into a broken connection, never with a
 * normal end (promise 3).
 */
function streamOf(events: EventStream, clock: Clock): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const leaving = new AbortController();
  const frames = events.open(leaving.signal);
  let heartbeat: Heartbeat | undefined;
  let leave = (): void => {};
  let writes = 0;
  let bytes = 0;

  function send(controller: Controller, text: string): void {
    const chunk = encoder.encode(text);
    writes += 1;
    bytes += chunk.byteLength;
    controller.enqueue(chunk);
  }

  function begin(controller: Controller): void {
    send(controller, greeting(events.retryMs));
    heartbeat = startHeartbeat(clock, events.heartbeatMs, () => {
      // Below zero something waits already: the silence is the reader's own.
      if ((controller.desiredSize ?? -1) >= 0) send(controller, HEARTBEAT);
    });
    leave = events.enter((reason) => fail(controller, reason));
  }

  function fail(controller: Controller, error: unknown): void {
    leaving.abort(error);
    end({ error, left: false });
    controller.error(error);
  }

  function end(outcome: Pick<ReaderOutcome, "error" | "left">): void {
    heartbeat?.stop();
    leave();
    events.closed({ ...outcome, writes, bytes });
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!heartbeat) return begin(controller);
        try {
          const next = await frames.next();
          if (leaving.signal.aborted) return;
          heartbeat.touch();
          if (next.done !== true) return send(controller, next.value);
          end({ left: false });
          controller.close();
        } catch (error) {
          if (!leaving.signal.aborted) fail(controller, error);
        }
      },
      cancel(reason) {
        leaving.abort(reason);
        end({ left: true });
      },
    },
    { highWaterMark: 0 },
  );
}
