import { type StreamResponseOptions, type StreamSummary } from "../../../src/http/index.ts";
import { parseEvents, type ParsedEvent } from "../../../src/sse/index.ts";
import { createManualClock } from "../../../src/testing/manual-clock.ts";

export const GREETING = ": sluice\n\nretry: 1000\n\n";
export const LARGE = "x".repeat(1_024);

export async function* chunksOf<T>(...chunks: readonly T[]): AsyncGenerator<T> {
  yield* chunks;
}

export async function eventsOf(response: Response): Promise<ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(response.body ?? chunksOf())) events.push(event);
  return events;
}

export function requestWith(headers: Record<string, string>, init: RequestInit = {}): Request {
  return new Request("http://site.test/chat/stream", { headers, ...init });
}

/** A stream that is told what happened to it. */
export function watched<Chunk>(options: StreamResponseOptions<Chunk> = {}) {
  const lines: Record<string, unknown>[] = [];
  const ended: StreamSummary[] = [];
  const clock = createManualClock();
  return {
    lines,
    ended,
    clock,
    options: {
      clock,
      log: (level, message, fields) => lines.push({ level, message, ...fields }),
      onEnd: (summary) => ended.push(summary),
      ...options,
    } satisfies StreamResponseOptions<Chunk>,
  };
}

/** A source that gives a large chunk whenever it is asked, counts, and knows how it ended. */
export function createWell(limit = Number.POSITIVE_INFINITY) {
  const well = { given: 0, ended: undefined as unknown };
  async function* chunks(): AsyncGenerator<string> {
    try {
      while (well.given < limit) {
        well.given += 1;
        yield LARGE;
      }
      well.ended = "complete";
    } catch (error) {
      well.ended = error;
      throw error;
    } finally {
      well.ended ??= "returned";
    }
  }
  return { well, chunks };
}

export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
