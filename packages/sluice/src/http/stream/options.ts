import { systemClock, type Clock } from "../../base/clock.ts";
import { randomId, systemRandom, type Random } from "../../base/id.ts";
import { silent, type Logger } from "../../base/log.ts";
import { checkWhole } from "../../base/options.ts";
import { negotiate, type Encoding } from "../compress/negotiate.ts";
import type { Admit } from "../limits.ts";
import type { OnDisconnect } from "./body.ts";
import { createMonitor, quietly, type Monitor, type StreamRate, type StreamSummary } from "./monitor.ts";
import type { Transform } from "./updates.ts";

export interface StreamResponseOptions<Chunk = unknown> {
  /** Default: each chunk as it is. */
  readonly transform?: Transform<Chunk>;
  /** Of the response, beside those of SSE and `X-Synapse-TOON-Format: streaming`. */
  readonly headers?: HeadersInit;
  /** Who asks. Without it nobody's `Last-Event-ID` or `Accept-Encoding` is looked at, and nobody's leaving is seen early. */
  readonly request?: Request;
  /**
   * When the client leaves: `continue` reads the source to its end all the same, `stop` ends it there, and `throw`
   * also throws a SluiceError `reader/left`, "Client disconnected", into it. Default `continue`.
   */
  readonly onDisconnect?: OnDisconnect;
  /** Longest life of the stream, the wait for its source included. Default 300,000 (5 min). */
  readonly timeLimitMs?: number;
  /** A comment goes out after this much silence. Default 15,000. */
  readonly heartbeatMs?: number;
  /**
   * Compresses by what `Accept-Encoding` asks for, gzip or brotli, each update at once. It takes memory outside of the heap
   * as long as the stream is open, without a limit for all streams together: 120 KiB with gzip, up to 670 with brotli.
   * Default false.
   */
  readonly compression?: boolean;
  /** What one owner may have open: `createStreamLimit()`, or the `admit` that `createSluice` is given. */
  readonly limit?: { readonly owner: string; readonly admit: Admit };
  /**
   * The complete answer for when the provider limits the rate: 200 and JSON, or the one update of a stream that has
   * begun. Default: `{error: "Rate limited, using standard response"}`, or `error` in a stream that has begun.
   */
  readonly fallback?: () => unknown;
  /** The rate is told every so many chunks. Default 10. */
  readonly rateEvery?: number;
  readonly onRate?: (rate: StreamRate) => void;
  /** Called once, when neither source nor reader is in use any more. */
  readonly onEnd?: (summary: StreamSummary) => void;
  /** Told of every rate, interruption and refusal, one call each. Default: nothing is told. */
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Nanoseconds of a clock that never goes back. Default: `process.hrtime.bigint`. */
  readonly hrtime?: () => bigint;
  readonly random?: Random;
}

/** Options with their defaults, and what is made of them for one stream. */
export interface Settled<Chunk> {
  readonly transform: Transform<Chunk>;
  readonly headers: Headers;
  readonly request: Request | undefined;
  readonly onDisconnect: OnDisconnect;
  readonly timeLimitMs: number;
  readonly heartbeatMs: number;
  readonly encoding: Encoding | "identity";
  readonly limit: StreamResponseOptions["limit"];
  readonly fallback: (() => unknown) | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  readonly monitor: Monitor;
}

const ENCODINGS: readonly Encoding[] = ["gzip", "br"];

/** @throws SluiceError `option/invalid` */
export function settle<Chunk>(options: StreamResponseOptions<Chunk>): Settled<Chunk> {
  const { request, limit, fallback, compression = false, log: tell = silent, clock = systemClock } = options;
  const {
    transform = (chunk) => chunk,
    onDisconnect = "continue",
    timeLimitMs = 300_000,
    heartbeatMs = 15_000,
  } = options;
  const log: Logger = (level, message, fields) => quietly(() => tell(level, message, fields));
  const headers = new Headers(options.headers);
  if (!headers.has("x-synapse-toon-format")) headers.set("x-synapse-toon-format", "streaming");
  const encoding = negotiate(request?.headers.get("accept-encoding") ?? null, compression ? ENCODINGS : []);
  if (encoding !== "identity") headers.set("content-encoding", encoding);
  return {
    transform,
    headers,
    request,
    onDisconnect,
    timeLimitMs: checkWhole("timeLimitMs", timeLimitMs),
    heartbeatMs: checkWhole("heartbeatMs", heartbeatMs),
    encoding,
    limit,
    fallback,
    log,
    clock,
    monitor: monitorOf(options, log),
  };
}

function monitorOf<Chunk>(options: StreamResponseOptions<Chunk>, log: Logger): Monitor {
  const { rateEvery = 10, hrtime = () => process.hrtime.bigint(), random = systemRandom, onRate, onEnd } = options;
  return createMonitor({
    id: randomId("stream", random),
    rateEvery: checkWhole("rateEvery", rateEvery),
    hrtime,
    log,
    onRate,
    onEnd,
  });
}
