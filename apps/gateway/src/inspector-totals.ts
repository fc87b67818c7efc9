import { performance } from "node:perf_hooks";
import type { Meter } from "sluice/http";
import type { Recorder } from "./inspector-recorder.ts";

/** One look at the whole node, in the order of `TOTAL_FIELDS`. */
export type TotalsSample = readonly [
  at: number,
  tokensPerSecond: number,
  runs: number,
  readers: number,
  /** Of the event loop, from 0 to 1. */
  load: number,
  residentBytes: number,
  heapBytes: number,
  /** Requests that were refused with 429 or 503 since the sample before. */
  refusals: number,
];

export const SAMPLE_MS = 2_000;
const KEPT_MS = 900_000;

/** The last 15 minutes of this node, one sample every 2 s. */
export interface Totals {
  readonly samples: readonly TotalsSample[];
  /** Counts what recordings do not tell, and tells the other one. */
  count(meter: Meter): Meter;
  sample(): TotalsSample;
}

export function createTotals(recorder: Pick<Recorder, "tokens" | "running">, now: () => number): Totals {
  const samples: TotalsSample[] = [];
  let readers = 0;
  let refusals = 0;
  let before = { at: now(), tokens: 0, refusals: 0, loop: performance.eventLoopUtilization() };

  return {
    samples,
    count: (meter) => ({
      ...meter,
      readerJoined(resumed) {
        readers += 1;
        meter.readerJoined(resumed);
      },
      readerLeft(code, ms) {
        readers -= 1;
        meter.readerLeft(code, ms);
      },
      refused(code) {
        refusals += 1;
        meter.refused(code);
      },
    }),
    sample() {
      const at = now();
      const loop = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(loop, before.loop);
      const { rss, heapUsed } = process.memoryUsage();
      const rate = ((recorder.tokens - before.tokens) * 1_000) / Math.max(1, at - before.at);
      const load = Math.round(utilization * 1_000) / 1_000;
      const refused = refusals - before.refusals;
      const sample: TotalsSample = [at, Math.round(rate), recorder.running, readers, load, rss, heapUsed, refused];
      before = { at, tokens: recorder.tokens, refusals, loop };
      samples.push(sample);
      if (samples.length > KEPT_MS / SAMPLE_MS) samples.shift();
      return sample;
    },
  };
}
