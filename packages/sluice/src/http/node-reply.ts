import type { Clock } from "../base/clock.ts";
import { breakOff } from "./break-off.ts";
import { HEARTBEAT, endsFrame, greeting } from "./greeting.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { NodeRequest, NodeResponse } from "./node.ts";
import type { EventStream, ReaderOutcome, Reply } from "./types.ts";

/** Where an answer goes. */
export interface NodeAnswer {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly clock: Clock;
  /** Fires when the caller has gone. */
  readonly gone: AbortSignal;
}

/**
 * Writes the answer. Resolves when it is complete, broken off or the reader has left.
 * @throws what Node says of headers that cannot be written, before anything is
 */
export async function sendReply(reply: Reply, to: NodeAnswer): Promise<void> {
  const { req, res, gone } = to;
  // Nobody is there any more, or somebody else has answered (a middleware that limits time, say).
  const tooLate = gone.aborted || res.headersSent;
  if (reply.kind === "events") {
    if (!tooLate) return sendEvents(reply.events, reply.headers, to);
    return reply.events.closed({ left: true, writes: 0, bytes: 0 });
  }
  if (tooLate) return;
  const text = reply.kind === "json" ? JSON.stringify(reply.body) : "";
  const headers: Record<string, string> = { ...reply.headers };
  if (reply.kind === "json") headers["content-type"] = "application/json; charset=utf-8";
  if (reply.kind === "json" || (reply.status !== 204 && req.method !== "HEAD"))
    headers["content-length"] = String(Buffer.byteLength(text));
  writeHead(res, reply.status, headers);
  const body = req.method === "HEAD" ? "" : text;
  if (isWhole(req) || body === "") {
    res.end(body);
    return;
  }
  writeTo(res, Buffer.from(body));
  await restOfBody(to);
  res.end();
}

function isWhole(req: NodeRequest): boolean {
  return "stream" in req || req.complete;
}

const LINGER_MS = 30_000;

// Where the connection is to end with the answer, Node would end it at once: a sender who is still at its body is reset
// then, and what it was told is lost. So the end waits for the body, which is dropped.
function restOfBody({ req, clock }: NodeAnswer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.timer(LINGER_MS, done);
    req.once("end", done);
    req.once("close", done);
    req.resume();
  });
}

const LEFT: unique symbol = Symbol("left");

async function sendEvents(
  events: EventStream,
  headers: Readonly<Record<string, string>>,
  { req, res, clock, gone }: NodeAnswer,
): Promise<void> {
  // Fires with LEFT, or with the reason why the answer is broken off.
  const over = new AbortController();
  const leave = (): void => over.abort(LEFT);
  const fail = (error: unknown, lastFrame?: string): void => {
    if (over.signal.aborted) return;
    if (lastFrame !== undefined && betweenFrames && !full) write(Buffer.from(lastFrame));
    over.abort(error);
    breakOff(req, res, clock);
  };
  let writes = 0;
  let bytes = 0;
  let full = false;
  let betweenFrames = true;
  const write = (frames: Uint8Array): boolean => {
    betweenFrames = endsFrame(frames);
    writes += 1;
    bytes += frames.byteLength;
    return writeTo(res, frames);
  };

  writeHead(res, 200, headers);
  write(Buffer.from(greeting(events.retryMs)));
  const heartbeat = startHeartbeat(clock, events.heartbeatMs, () => {
    if (betweenFrames && !full) write(Buffer.from(HEARTBEAT));
  });
  const exit = events.enter(fail);
  gone.addEventListener("abort", leave, { once: true });
  try {
    for await (const frames of events.open(over.signal)) {
      heartbeat.touch();
      full = !write(frames);
      if (full) await until(res, "drain", over.signal);
      full = false;
      heartbeat.touch();
    }
    heartbeat.stop();
    const finished = until(res, "finish", over.signal);
    // Before `finished` resolves Node tells of the end of the answer as it does of a reader that leaves.
    res.once("finish", () => gone.removeEventListener("abort", leave));
    res.end();
    await finished;
  } catch (error) {
    fail(error);
  } finally {
    heartbeat.stop();
    exit();
    gone.removeEventListener("abort", leave);
    events.closed({ ...outcomeOf(over.signal), writes, bytes });
  }
}

function outcomeOf({ aborted, reason }: AbortSignal): Pick<ReaderOutcome, "error" | "left"> {
  return aborted && reason !== LEFT ? { error: reason, left: false } : { left: aborted };
}

// The two kinds of response have the same methods with types that do not unite.
function writeHead(res: NodeResponse, status: number, headers: Readonly<Record<string, string>>): void {
  res.statusCode = status;
  const http2 = "stream" in res;
  for (const [name, value] of Object.entries(headers)) {
    if (!(http2 && name.toLowerCase() === "connection")) res.setHeader(name, value);
  }
}

function writeTo(res: NodeResponse, frames: Uint8Array): boolean {
  return "stream" in res ? res.write(frames) : res.write(frames);
}

function until(res: NodeResponse, event: "drain" | "finish", signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.removeListener(event, done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    res.once(event, done);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
