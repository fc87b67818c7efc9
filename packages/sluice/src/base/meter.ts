/**
 * What happens on this node, for whoever counts it. Called often: the arguments are numbers and short words, and no
 * call may throw or take long. Times are milliseconds.
 */
export interface Meter {
  /** A run begins to be produced here. */
  runStarted(): void;
  /** Its first text, reasoning, tool, source, file or data. @param ms since it began */
  firstToken(ms: number): void;
  /** Content that was stored in one append. @param gapMs since the content before it; undefined for the first */
  tokens(count: number, gapMs: number | undefined): void;
  /** @param code of an error, `stopped` for a stop, else the finish reason or `finish` */
  runEnded(terminal: "finish" | "error" | "abort", code: string, ms: number): void;
  /** Somebody asked for a stop, on this node. */
  stopRequested(): void;
  /** @param resumed it has a part of the answer already */
  readerJoined(resumed: boolean): void;
  /** @param code `end` for one that has everything, `reader-left`, or the code that broke it off */
  readerLeft(code: string, ms: number): void;
  /** A reader that is not live takes more. @param entries how many it is behind */
  readerBehind(entries: number): void;
  /** Entries that became fewer frames for a reader that is behind. */
  merged(entries: number, frames: number): void;
  /** @param bytes of frames @param wire bytes on the wire; the same without compression */
  sent(bytes: number, wire: number): void;
  /** A request that was refused before any work. */
  refused(code: string): void;
}

export const noMeter: Meter = {
  runStarted() {},
  firstToken() {},
  tokens() {},
  runEnded() {},
  stopRequested() {},
  readerJoined() {},
  readerLeft() {},
  readerBehind() {},
  merged() {},
  sent() {},
  refused() {},
};
