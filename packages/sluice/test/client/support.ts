import { formatOffset, formatPosition } from "../../src/base/offset.ts";
import type { Random } from "../../src/base/id.ts";
import type { EventStreamOptions, EventStreamReader, StreamEvent, StreamState } from "../../src/client/index.ts";
import { encodeEvent } from "../../src/sse/index.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";

export interface TestFrame {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** Entries of one or more frames each, with the ids that a server gives them. */
export function withIds(entries: readonly (readonly Omit<TestFrame, "id">[])[]): TestFrame[] {
  return entries.flatMap((frames, index) =>
    frames.map((frame, k) => ({
      ...frame,
      id: k === frames.length - 1 ? formatOffset(index + 1) : formatPosition({ sequence: index, skip: k + 1 }),
    })),
  );
}

/** One chunk a word, then what `simple` ends with. */
export function answer(...words: readonly string[]): TestFrame[] {
  const done = [
    { event: "message", data: words.join("") },
    { event: "done", data: "{}" },
  ];
  return withIds([...words.map((data) => [{ event: "chunk", data }]), done]);
}

export function encodeFrames(frames: readonly TestFrame[]): string {
  return frames.map(encodeEvent).join("");
}

export async function collect(reader: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of reader) events.push(event);
  return events;
}

/** The events received before the error, and the error. */
export async function collectFailing(reader: EventStreamReader): Promise<{ events: StreamEvent[]; error: unknown }> {
  const events: StreamEvent[] = [];
  try {
    for await (const event of reader) events.push(event);
  } catch (error) {
    return { events, error };
  }
  throw new Error("The stream did not fail.");
}

export const lowest: Random = (bytes) => bytes.fill(0);
export const highest: Random = (bytes) => bytes.fill(255);

export function unreachable(): never {
  throw new TypeError("fetch failed");
}

/** Lets every wait pass at once, and keeps how long each would have been. */
export function hurry(clock: ManualClock, waits: number[] = []): (state: StreamState) => void {
  return (state) => {
    if (state.status !== "waiting") return;
    waits.push(state.retryInMs);
    void clock.advance(state.retryInMs);
  };
}

/** Options that let no time pass between attempts. */
export function hurried(fetch: typeof globalThis.fetch): EventStreamOptions {
  const clock = createManualClock();
  return { fetch, clock, random: lowest, onState: hurry(clock) };
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | undefined;
}

type Answer = (asked: Asked, signal: AbortSignal | undefined) => Response | Promise<Response>;

/** A `fetch` without a network: the n-th call gets the n-th answer, and the last one from then on. */
export function scriptedFetch(...answers: readonly Answer[]): {
  readonly fetch: typeof globalThis.fetch;
  readonly asked: Asked[];
} {
  const asked: Asked[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { method = "GET", headers, body } = init;
    const request = {
      method,
      url: url instanceof Request ? url.url : url.toString(),
      headers: new Headers(headers),
      body: body as string | undefined,
    };
    asked.push(request);
    const reply = answers[Math.min(asked.length, answers.length) - 1];
    if (!reply) throw new Error("No answer was scripted.");
    return reply(request, init.signal ?? undefined);
  };
  return { fetch, asked };
}

/** A response of the text, which then ends cleanly, or stays open. */
export function events(text: string, options: { headers?: Record<string, string>; stayOpen?: boolean } = {}): Response {
  const { headers = {}, stayOpen = false } = options;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      if (!stayOpen) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream", ...headers } });
}

export function refused(status: number, code: string, headers: Record<string, string> = {}): Response {
  const error = { code, message: `Because of ${code}.`, traceId: "trace_1" };
  return Response.json({ error }, { status, headers });
}

/** States as they come; `next` resolves with the next one of a kind. */
export function watchStates(): {
  readonly seen: StreamState[];
  readonly onState: (state: StreamState) => void;
  next(status: StreamState["status"]): Promise<StreamState>;
} {
  const seen: StreamState[] = [];
  const waiting = new Map<string, (state: StreamState) => void>();
  return {
    seen,
    onState(state) {
      seen.push(state);
      waiting.get(state.status)?.(state);
      waiting.delete(state.status);
    },
    next: (status) => new Promise((resolve) => waiting.set(status, resolve)),
  };
}
