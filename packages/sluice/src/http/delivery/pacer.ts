import { performance } from "node:perf_hooks";
import type { Clock } from "../../base/clock.ts";

/** Decides when live readers are told of what is new. */
export interface Pacer {
  /** Calls `flush` at once when its last flush is long enough ago, else together with others that wait. */
  schedule(task: Paced): void;
  /** Milliseconds between two flushes of those who wait, as things are now. */
  readonly windowMs: number;
}

export interface Paced {
  /** When it was flushed last; the pacer sets it. */
  flushedAt: number;
  flush(): void;
}

export interface PacerOptions {
  readonly clock: Clock;
  /** How long a run waits whose last flush is less long ago, or until others are flushed. 0: every turn of the event loop. */
  readonly flushMs: number;
  /** What the window may grow to while the event loop has no time left. 0: it does not grow. */
  readonly maxFlushMs: number;
  /** How busy the event loop was since it was asked last, from 0 to 1. */
  readonly load: () => number;
}

const SAMPLE_MS = 20;
const BUSY = 0.9;
const CALM = 0.7;
const FIRST_STEP_MS = 8;

/**
 * A write costs the same for one token as for ten. While the event loop has time every token is sent at once; when it
 * has none, a window opens between two writes of a run, up to `maxFlushMs`, and closes when there is time again. Load
 * is looked at when there is work, so an idle server has no timer.
 */
export function createPacer({ clock, flushMs, maxFlushMs, load }: PacerOptions): Pacer {
  let adaptive = 0;
  let sampledAt = Number.NEGATIVE_INFINITY;
  let waiting: Paced[] = [];
  let timing = false;

  function sample(now: number): void {
    if (maxFlushMs === 0 || Math.abs(now - sampledAt) < SAMPLE_MS) return; // time may be set back
    sampledAt = now;
    const busy = load();
    if (busy > BUSY) adaptive = Math.min(maxFlushMs, adaptive === 0 ? FIRST_STEP_MS : adaptive * 2);
    else if (busy < CALM) adaptive = adaptive < FIRST_STEP_MS ? 0 : adaptive / 2;
  }

  function flushAll(): void {
    timing = false;
    const due = waiting;
    waiting = [];
    const now = clock.now();
    for (const task of due) {
      task.flushedAt = now;
      task.flush();
    }
  }

  return {
    get windowMs() {
      return Math.max(flushMs, adaptive);
    },
    schedule(task) {
      const now = clock.now();
      sample(now);
      const windowMs = Math.max(flushMs, adaptive);
      // A first token, and whatever comes after a pause, waits for nothing.
      if (windowMs === 0 || now - task.flushedAt >= windowMs) {
        task.flushedAt = now;
        task.flush();
        return;
      }
      waiting.push(task);
      if (timing) return;
      timing = true;
      clock.timer(windowMs, flushAll);
    },
  };
}

/** How busy this process's event loop was between two calls. */
export function eventLoopLoad(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
