import { systemClock, type Clock } from "../../base/clock.ts";
import { checkWhole } from "../../base/options.ts";
import type { Encoding } from "../compress/negotiate.ts";
import { Compression } from "../compress/wire.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { createFeeds, type Feeds } from "./feeds.ts";
import { createPacer, eventLoopLoad, type Pacer } from "./pacer.ts";

/** How answers are sent. */
export interface DeliveryOptions {
  /** A comment goes out after this much silence. Default 15,000. */
  readonly heartbeatMs?: number;
  /**
   * How often live readers of a run are sent what is new, while there is always something: all runs at the same moments.
   * After a pause the first of it, and mostly the next, go out at once. Default 0: every turn of the event loop.
   */
  readonly flushMs?: number;
  /** What that time may grow to while the event loop has no time left. Default 100; 0 keeps it as it is. */
  readonly maxFlushMs?: number;
  /**
   * A reader that has more entries than this still to get is sent fewer, larger deltas. Default 32; `Infinity` never
   * joins any.
   */
  readonly mergeBehind?: number;
  /**
   * A reader that takes nothing of what was written for so long is broken off, and whoever takes nothing of an answer as
   * JSON of more than 64 KiB. Default 60,000.
   */
  readonly stallMs?: number;
  /**
   * Compresses answers by what `Accept-Encoding` asks for, gzip or brotli, each event at once. Default false: the CPU of
   * an event is doubled, and where a proxy or a middleware compresses it is done there. See docs/deploy.md on BREACH.
   */
  readonly compression?: boolean;
  /** For tests: how busy the event loop was since it was asked last, from 0 to 1. */
  readonly load?: () => number;
}

/** What all readers of a node share. */
export interface Delivery {
  readonly feeds: Feeds;
  readonly pacer: Pacer;
  readonly heartbeats: Deadlines;
  readonly stalls: Deadlines;
  /** From so many entries on that a reader has still to get, deltas that follow each other are joined. */
  readonly mergeBehind: number;
  /** In the order in which they are offered; none when nothing is compressed. */
  readonly encodings: readonly Encoding[];
  readonly compression: Compression;
  readonly heartbeatMs: number;
}

// gzip first: flushed per event it is smaller than brotli.
const ENCODINGS: readonly Encoding[] = ["gzip", "br"];
// 15 MiB when all are of gzip, 80 when all are of brotli, for clients that take no gzip.
const CONTEXTS = 128;

/** @throws SluiceError `option/invalid` */
export function createDelivery(options: DeliveryOptions, clock: Clock): Delivery {
  // Where time is somebody else's, how busy this process is in real time tells nothing.
  const { mergeBehind = 32, load = clock === systemClock ? eventLoopLoad() : () => 0 } = options;
  const heartbeatMs = checkWhole("heartbeatMs", options.heartbeatMs ?? 15_000);
  const flushMs = checkWhole("flushMs", options.flushMs ?? 0, { from: 0 });
  const maxFlushMs = checkWhole("maxFlushMs", options.maxFlushMs ?? 100, { from: 0 });
  return {
    feeds: createFeeds(),
    pacer: createPacer({ clock, flushMs, maxFlushMs, load }),
    heartbeats: createDeadlines(clock, heartbeatMs),
    stalls: createDeadlines(clock, checkWhole("stallMs", options.stallMs ?? 60_000)),
    mergeBehind: mergeBehind === Infinity ? Infinity : checkWhole("mergeBehind", mergeBehind, { from: 0 }),
    encodings: options.compression === true ? ENCODINGS : [],
    compression: new Compression(CONTEXTS),
    heartbeatMs,
  };
}
