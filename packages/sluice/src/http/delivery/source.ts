import type { Piece } from "./piece.ts";

/** Where a connection gets what it sends. It pulls: while its reader takes nothing, nothing is made. */
export interface PieceSource {
  /** undefined when there is nothing now: the listener is woken when it may be otherwise. */
  take(): Piece | undefined;
  /** True once everything was taken, the terminal included. */
  readonly ended: boolean;
  /** Sequence number of the last entry that was worded; undefined where that is not known. */
  readonly at?: number;
  /** Lets go of everything. The listener hears nothing after it. */
  close(): void;
}

/** Called in a later turn than `take`, or within it; at most one of the two is waited for. */
export interface Listener {
  /** There may be something to take. */
  wake(): void;
  /** There will be nothing any more. */
  fail(error: unknown): void;
}
