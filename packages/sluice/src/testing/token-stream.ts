import { sleep } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import { waitingClock } from "../flow/clock.ts";

export interface TokenStreamOptions {
  /** Default 100. */
  readonly count?: number;
  /** After each token but the last. Default 10. */
  readonly delayMs?: number;
  /** Default: the system's, with timers that keep the process alive, so that a script gets to the end of the stream. */
  readonly clock?: Clock;
}

export interface TestToken {
  /** From 0. */
  readonly index: number;
  /** `Token 0` and so on. */
  readonly text: string;
  /** When it was made: `2026-11-21 14:05:09`, in UTC. */
  readonly timestamp: string;
}

/** A stream to test streaming with: known tokens at a steady pace. */
export async function* tokenStream(options: TokenStreamOptions = {}): AsyncGenerator<TestToken> {
  const { count = 100, delayMs = 10, clock = waitingClock } = options;
  for (let index = 0; index < count; index += 1) {
    if (index > 0 && delayMs > 0) await sleep(clock, delayMs);
    yield { index, text: `Token ${index}`, timestamp: dateTime(clock.now()) };
  }
}

function dateTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
