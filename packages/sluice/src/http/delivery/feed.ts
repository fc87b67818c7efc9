import { SluiceError } from "../../base/errors.ts";
import type { Meter } from "../../base/meter.ts";
import type { Observer } from "../../base/observer.ts";
import type { LogSlice, LogStore } from "../../log/index.ts";
import type { EntryEncoder } from "../encode-entry.ts";
import { STEP, isFull } from "../replay.ts";
import { Merger, type Put } from "./merger.ts";
import type { Progress } from "../progress.ts";
import type { Paced, Pacer } from "./pacer.ts";
import { pieceOf, type Piece } from "./piece.ts";

/** A reader who has everything that the feed has, and is told once when there is more. */
export interface Follower {
  wake(): void;
  fail(error: unknown): void;
}

/** Entries after `after`, up to `last`, as they are sent. */
export interface Fed {
  readonly after: number;
  readonly last: number;
  /** undefined where each reader makes it for itself: a large entry, which is shared in another way. */
  readonly piece: Piece | undefined;
  /** Nothing comes after it. */
  readonly end: boolean;
}

export interface FeedOptions {
  readonly store: LogStore;
  readonly runId: string;
  readonly encoder: EntryEncoder;
  readonly pacer: Pacer;
  readonly progress: Progress;
  /** From so many entries in one step on, deltas that follow each other are joined. */
  readonly mergeBehind: number;
  readonly meter: Meter;
  readonly observer: Observer | undefined;
  readonly from: number;
  /** It is of no use to those who come later. */
  readonly onEmpty: () => void;
}

// What is kept for followers that are a little slower than the others. Who is further back reads the log.
const WINDOW_BYTES = 65_536;

/**
 * The live end of a run in one wording, for all readers on this node who are there: the log is followed once, and
 * what comes is encoded once. It pulls: the log is asked for more when somebody waits for it.
 */
export class Feed implements Paced {
  flushedAt: number = Number.NEGATIVE_INFINITY;
  readonly #options: FeedOptions;
  readonly #over = new AbortController();
  readonly #merger: Merger;
  #head: number;
  #window: Fed[] = [];
  #bytes = 0;
  #users = 0;
  #waiting = new Set<Follower>();
  #tail: AsyncIterator<LogSlice>;
  #asked = false;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    const { meter, observer, runId } = options;
    this.#merger = new Merger(
      meter,
      observer && { merged: (entries, frames) => observer.merged(runId, entries, frames) },
    );
    this.#head = options.from;
    this.#tail = this.#follow(options.from);
  }

  join(): void {
    this.#users += 1;
  }

  leave(follower: Follower): void {
    this.#waiting.delete(follower);
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#closed = true;
    this.#over.abort(LEFT);
    this.#options.onEmpty();
  }

  get encoder(): EntryEncoder {
    return this.#options.encoder;
  }

  /** Number of the last entry that it has had. */
  get head(): number {
    return this.#head;
  }

  /** What comes right after a place, if it is kept. */
  after(sequence: number): Fed | undefined {
    const window = this.#window;
    for (let index = window.length - 1; index >= 0; index -= 1) {
      const fed = window[index];
      if (fed?.after !== sequence) continue;
      if (this.#users === 1) this.#forget(index + 1);
      return fed;
    }
    return undefined;
  }

  /** Whether one at this place has all that the feed knows of, and is to wait. */
  isLive(sequence: number): boolean {
    return sequence >= this.#head;
  }

  wait(follower: Follower, sequence: number): void {
    if (this.#failure) {
      follower.fail(this.#failure.error);
      return;
    }
    // Nobody asked for a while, and the one who comes has read further.
    if (sequence > this.#head && !this.#asked) {
      void this.#tail.return?.();
      this.#tail = this.#follow(sequence);
      this.#head = sequence;
      this.#forget(this.#window.length);
    }
    this.#waiting.add(follower);
    this.#options.progress.reached(this.#options.runId, sequence);
    if (this.#asked) return;
    this.#asked = true;
    this.#options.pacer.schedule(this);
  }

  /** Asks the log for more. */
  flush(): void {
    try {
      this.#tail.next().then(this.#onStep, this.#onError);
    } catch (error) {
      // Of a store that throws where it should reject: others are flushed by the same timer.
      this.#onError(error);
    }
  }

  #follow(after: number): AsyncIterator<LogSlice> {
    const { store, runId } = this.#options;
    return store.tail(runId, { after, ...STEP, signal: this.#over.signal })[Symbol.asyncIterator]();
  }

  readonly #onStep = (step: IteratorResult<LogSlice>): void => {
    if (this.#closed) return;
    this.#asked = false;
    if (step.done === true) {
      this.#onError(new SluiceError("log/released", "The store was let go of while a reader was in it."));
      return;
    }
    try {
      this.#add(step.value);
    } catch (error) {
      this.#onError(error);
      return;
    }
    // More is there already: it is not to wait for the next window.
    if (isFull(step.value)) this.flushedAt = Number.NEGATIVE_INFINITY;
    this.#wake();
  };

  readonly #onError = (error: unknown): void => {
    if (this.#closed) return;
    this.#failure = { error };
    this.#options.onEmpty(); // who comes later asks anew
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const follower of waiting) follower.fail(error);
  };

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const follower of waiting) follower.wake();
  }

  #add({ after, entries, end }: LogSlice): void {
    const { encoder, mergeBehind } = this.#options;
    const merging = entries.length > mergeBehind;
    let text = "";
    let from = after;
    let last = after;
    const cut = (): void => {
      if (last > from) this.#push({ after: from, last, piece: pieceIn(text), end: false });
      text = "";
      from = last;
    };
    const put: Put = (frames, upTo) => {
      if (text.length + frames.length > PIECE_LENGTH) cut();
      text += frames;
      last = upTo;
    };
    let sequence = after;
    for (const entry of entries) {
      sequence += 1;
      if (merging && this.#merger.join(encoder, entry, sequence, put)) continue;
      const frames = encoder.text(entry, sequence);
      if (frames !== undefined) {
        put(frames, sequence);
        continue;
      }
      cut();
      this.#push({ after: last, last: sequence, piece: undefined, end: false });
      from = last = sequence;
    }
    this.#merger.flush(encoder, put);
    if (last > from || end) this.#push({ after: from, last, piece: pieceIn(text), end });
    this.#head = last;
  }

  #push(fed: Fed): void {
    this.#window.push(fed);
    this.#bytes += fed.piece?.bytes.byteLength ?? 0;
    let gone = 0;
    for (let over = this.#bytes - WINDOW_BYTES; over > 0 && gone < this.#window.length - 1; gone += 1) {
      over -= this.#window[gone]?.piece?.bytes.byteLength ?? 0;
    }
    if (gone > 0 || this.#window.length > WINDOW_PIECES) this.#forget(Math.max(gone, 1));
  }

  #forget(count: number): void {
    for (const fed of this.#window.splice(0, count)) this.#bytes -= fed.piece?.bytes.byteLength ?? 0;
  }
}

const WINDOW_PIECES = 64;
// Without a reason of its own an abort makes one, with a stack.
const LEFT = "All have left.";
// Of characters: a piece has at most 64 KiB, whatever they are.
const PIECE_LENGTH = 16_384;

const EMPTY: Piece = pieceOf("");

function pieceIn(text: string): Piece {
  return text === "" ? EMPTY : pieceOf(text);
}
