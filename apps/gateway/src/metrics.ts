import { performance } from "node:perf_hooks";
import { Counter, Gauge, Registry, collectDefaultMetrics } from "prom-client";
import { isErrorCode } from "sluice/errors";
import type { Meter } from "sluice/http";
import { TallyHistogram } from "./tally-histogram.ts";

/** What happens on this node, counted for Prometheus. docs/metrics.md lists all. */
export interface Metrics {
  readonly meter: Meter;
  readonly contentType: string;
  /** Everything in the text format. */
  text(): Promise<string>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const histogram = (name: string, help: string, buckets: readonly number[]): TallyHistogram =>
    new TallyHistogram({ name, help, buckets, registers });

  const runs = gauge("sluice_runs_active", "Answers that this node produces now.");
  const started = counter("sluice_runs_started_total", "Answers that this node began to produce.");
  const ended = new Counter({
    name: "sluice_runs_ended_total",
    help: "Answers that ended on this node, by the kind of their terminal, and its code or finish reason.",
    labelNames: ["terminal", "code"],
    registers,
  });
  const runTime = histogram("sluice_run_seconds", "How long answers took, from start to terminal.", RUN_S);
  const firstToken = histogram(
    "sluice_first_token_seconds",
    "From the start of an answer to its first content.",
    WAIT_S,
  );
  const tokens = counter("sluice_tokens_total", "Pieces of content (mostly tokens) that were stored.");
  const gaps = histogram("sluice_token_gap_seconds", "Between two appends of content to the same answer.", GAP_S);
  const stops = counter("sluice_stops_total", "Requests to stop an answer that this node took.");

  const readers = gauge("sluice_readers_active", "Open event streams.");
  const joined = counter("sluice_readers_joined_total", "Event streams that began.");
  const resumes = counter("sluice_resumes_total", "Event streams that began after a part the reader had already.");
  const interruptions = new Counter({
    name: "sluice_interruptions_total",
    help: "Event streams that ended before their reader had everything, by the reason.",
    labelNames: ["code"],
    registers,
  });
  const readTime = histogram("sluice_reader_seconds", "How long event streams were open.", READ_S);
  const lag = histogram("sluice_reader_lag_entries", "How far readers that are not live were behind.", LAG);
  const merges = counter("sluice_merges_total", "Times that a reader who was behind was sent merged frames.");
  const mergedEntries = counter("sluice_merged_entries_total", "Entries that went into merged frames.");
  const mergedFrames = counter("sluice_merged_frames_total", "Merged frames that were sent in their place.");
  const sent = counter("sluice_sent_bytes_total", "Bytes of event streams before compression.");
  const wire = counter("sluice_wire_bytes_total", "Bytes of event streams after compression.");
  const refusals = new Counter({
    name: "sluice_refusals_total",
    help: "Requests that were refused with 429 or 503, by the reason.",
    labelNames: ["code"],
    registers,
  });

  new Counter({
    name: "sluice_event_loop_active_seconds_total",
    help: "Time in which the event loop was busy. Its rate is the utilisation, from 0 to 1.",
    registers,
    collect() {
      this.reset();
      this.inc(seconds(performance.eventLoopUtilization().active));
    },
  });
  collectDefaultMetrics({ register: registry });
  for (const name of PER_CONNECTION) registry.removeSingleMetric(name);

  return {
    meter: {
      runStarted() {
        runs.inc();
        started.inc();
      },
      firstToken: (ms) => firstToken.add(seconds(ms)),
      tokens(count, gapMs) {
        tokens.inc(count);
        if (gapMs !== undefined) gaps.add(seconds(gapMs));
      },
      runEnded(terminal, code, ms) {
        runs.dec();
        ended.inc({ terminal, code: terminal === "error" ? known(code) : known(code, OTHER_ENDS) });
        runTime.add(seconds(ms));
      },
      stopRequested: () => stops.inc(),
      readerJoined(resumed) {
        readers.inc();
        joined.inc();
        if (resumed) resumes.inc();
      },
      readerLeft(code, ms) {
        readers.dec();
        if (code !== "end") interruptions.inc({ code: known(code, ["reader-left"]) });
        readTime.add(seconds(ms));
      },
      readerBehind: (entries) => lag.add(entries),
      merged(entries, frames) {
        merges.inc();
        mergedEntries.inc(entries);
        mergedFrames.inc(frames);
      },
      sent(bytes, onWire) {
        sent.inc(bytes);
        wire.inc(onWire);
      },
      refused: (code) => refusals.inc({ code: known(code) }),
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

// Defaults that list every socket by name at each scrape.
const PER_CONNECTION: readonly string[] = ["resources", "handles", "requests"].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

// How an answer ends that does not fail: asked to, or with a model's finish reason.
const OTHER_ENDS: readonly string[] = ["finish", "stopped", "stop", "length", "content-filter", "tool-calls", "error"];

// Every value of a label is a time series for ever: whatever is not on a list of ours becomes one.
function known(code: string, others: readonly string[] = []): string {
  return others.includes(code) || isErrorCode(code) ? code : "other";
}

function seconds(ms: number): number {
  return ms / 1000;
}

// From answers out of a cache to models that think first.
const WAIT_S: readonly number[] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60];
// 100 tokens/s are 0.01; a person notices 0.25; from a few seconds on the provider hangs.
const GAP_S: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
// 300 and 1,800 are the default and the longest `maxDurationMs`.
const RUN_S: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800];
const READ_S: readonly number[] = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800];
const LAG: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 25000, 100000];
