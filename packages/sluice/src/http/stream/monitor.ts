import { isSluiceError, publicError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";

/** Since the stream began. */
export interface StreamRate {
  /** Chunks per second. */
  readonly rate: number;
  /** How many there were so far. */
  readonly chunk: number;
}

/** How a stream went. Times are milliseconds since `streamResponse` was called. */
export interface StreamSummary {
  /** In the log lines as `run`: a stream that is not kept has no other use for it. */
  readonly id: string;
  /** `done`, `reader-left`, or the code that ended it. */
  readonly code: string;
  /** Updates that were made, also after the reader left. */
  readonly chunks: number;
  /** Of frames that were sent. */
  readonly bytes: number;
  /** The same on the wire: less, where it was compressed. */
  readonly wireBytes: number;
  /** What compression saved of `bytes`, from 0 to 1: 0.71 is 71 %. Negative where it cost more than it saved. */
  readonly savings: number;
  /** Until the first update was sent. Undefined when there was none. */
  readonly firstByteMs: number | undefined;
  readonly ms: number;
  readonly error?: unknown;
}

export interface MonitorOptions {
  readonly id: string;
  readonly rateEvery: number;
  /** Nanoseconds of a clock that never goes back. */
  readonly hrtime: () => bigint;
  /** Never throws. */
  readonly log: Logger;
  readonly onRate: ((rate: StreamRate) => void) | undefined;
  readonly onEnd: ((summary: StreamSummary) => void) | undefined;
}

/** Counts what a stream does, and tells it: the rate on the way, one log line for an interruption, the summary at the end. */
export interface Monitor {
  chunk(): void;
  sent(bytes: number, wireBytes: number): void;
  firstByte(): void;
  /** @param error undefined for a stream that is complete */
  end(error?: unknown): void;
  /** For a reader that left, whatever became of the source. */
  left(): void;
}

export function createMonitor(options: MonitorOptions): Monitor {
  const { id, rateEvery, hrtime, log, onRate, onEnd } = options;
  const startedAt = hrtime();
  let chunks = 0;
  let bytes = 0;
  let wireBytes = 0;
  let firstByteMs: number | undefined;
  let gone = false;

  // From 1: a rate is a number also where the clock has not moved.
  const nanoseconds = (): number => Math.max(1, Number(hrtime() - startedAt));

  function codeOf(error: unknown): string {
    if (error !== undefined && !isSluiceError(error, "reader/left")) return publicError(error).code;
    return gone ? "reader-left" : "done";
  }

  return {
    chunk() {
      chunks += 1;
      if (chunks % rateEvery !== 0) return;
      const rate: StreamRate = { rate: (chunks / nanoseconds()) * 1e9, chunk: chunks };
      log("info", "stream rate", { run: id, ...rate });
      quietly(() => onRate?.(rate));
    },
    sent(frames, wire) {
      bytes += frames;
      wireBytes += wire;
    },
    firstByte() {
      firstByteMs ??= nanoseconds() / 1e6;
    },
    left() {
      gone = true;
    },
    end(error) {
      const ms = nanoseconds() / 1e6;
      const code = codeOf(error);
      const why = error === undefined ? {} : { error };
      if (code !== "done") {
        const level = code === "reader-left" ? "info" : "error";
        log(level, "stream interrupted", { run: id, code, chunks, bytes, ms, ...why });
      }
      const savings = bytes === 0 ? 0 : 1 - wireBytes / bytes;
      quietly(() => onEnd?.({ id, code, chunks, bytes, wireBytes, savings, firstByteMs, ms, ...why }));
    },
  };
}

/** Whoever listens must not take an answer along when it throws. */
export function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // There is nobody left to tell.
  }
}
