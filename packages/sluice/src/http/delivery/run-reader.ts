import type { Meter } from "../../base/meter.ts";
import type { Observer, ReaderObserver } from "../../base/observer.ts";
import type { Position } from "../../base/offset.ts";
import type { LogStore } from "../../log/index.ts";
import { LARGE, type EntryEncoder } from "../encode-entry.ts";
import { STEP } from "../replay.ts";
import type { Progress } from "../progress.ts";
import type { Turn } from "../turns.ts";
import { optimalChunkSize } from "./chunk-size.ts";
import type { Feed } from "./feed.ts";
import type { Feeds } from "./feeds.ts";
import { Merger, type Put } from "./merger.ts";
import type { Pacer } from "./pacer.ts";
import { pieceOf, type Piece } from "./piece.ts";
import type { Listener, PieceSource } from "./source.ts";

/** What all readers of a node work with. */
export interface ReaderContext {
  readonly runs: { readonly store: LogStore };
  /** From so many entries on that a reader has still to get, deltas that follow each other are joined. */
  readonly mergeBehind: number;
  readonly turn: Turn;
  readonly meter: Meter;
  readonly observer: Observer | undefined;
  readonly feeds: Feeds;
  readonly pacer: Pacer;
  readonly progress: Progress;
}

export interface RunReaderOptions {
  readonly runId: string;
  readonly encoder: EntryEncoder;
  /** The name of the feed whose wording is the same. */
  readonly feed: string;
  readonly after: Position;
  /** About how many bytes the log had after this position when the reader came. */
  readonly backlog: number;
  /** Number of the last entry that the log had then. */
  readonly last: number;
  /** True when there was nothing after it. */
  readonly live: boolean;
  readonly watch?: ReaderObserver | undefined;
}

// In bytes, about a millisecond.
const WORK_PER_TURN = 65_536;

/**
 * One reader of a run: an offset and, while it catches up, the pieces of one step. It reads the log by itself until it
 * has everything, then follows the feed that all live readers share, and goes back to the log when it falls behind.
 * Nothing is read while nothing is taken.
 */
export class RunReader implements PieceSource {
  ended = false;
  readonly #context: ReaderContext;
  readonly #listener: Listener;
  readonly #runId: string;
  #feedName: string;
  #encoder: EntryEncoder;
  #at: number;
  #skip: number;
  #backlog: number;
  readonly #last: number;
  #feed: Feed | undefined;
  /** What is left of a step. */
  #pieces: readonly Piece[] | undefined;
  #index = 0;
  #endsWithPieces = false;
  readonly #merger: Merger;
  #busy = false;
  #closed = false;
  #work = 0;

  constructor(context: ReaderContext, options: RunReaderOptions, listener: Listener) {
    this.#context = context;
    this.#merger = new Merger(context.meter, options.watch);
    this.#listener = listener;
    this.#runId = options.runId;
    this.#feedName = options.feed;
    this.#encoder = options.encoder;
    this.#at = options.after.sequence;
    this.#skip = options.after.skip;
    this.#backlog = options.backlog;
    this.#last = options.last;
    if (options.live) this.#join();
  }

  get at(): number {
    return this.#at;
  }

  take(): Piece | undefined {
    while (!this.#busy && !this.ended && !this.#closed) {
      const piece = this.#pieces ? this.#next() : this.#live();
      if (piece === undefined) continue;
      if (piece === NOTHING) return undefined;
      if (piece.bytes.byteLength === 0) continue;
      this.#pace(piece.bytes.byteLength);
      return piece;
    }
    return undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pieces = undefined;
    this.#feed?.leave(this);
  }

  wake(): void {
    this.#listener.wake();
  }

  fail(error: unknown): void {
    if (!this.#closed) this.#listener.fail(error);
  }

  /** undefined: look again. */
  #next(): Piece | undefined {
    const pieces = this.#pieces ?? [];
    const piece = pieces[this.#index];
    this.#index += 1;
    if (this.#index < pieces.length) return piece;
    this.#pieces = undefined;
    if (this.#endsWithPieces) this.ended = true;
    return piece;
  }

  #live(): Piece | undefined {
    const feed = this.#feed;
    const fed = this.#skip === 0 && !this.#merger.waits ? feed?.after(this.#at) : undefined;
    if (fed?.piece) {
      this.#at = fed.last;
      this.ended = fed.end;
      return fed.piece;
    }
    if (feed && !fed && !this.#merger.waits && feed.isLive(this.#at)) {
      this.#work = 0;
      feed.wait(this, this.#at);
      return NOTHING;
    }
    this.#busy = true;
    void this.#step().catch((error: unknown) => this.fail(error));
    return NOTHING;
  }

  // A reader with a long way to go, whose socket takes all of it at once, must not keep the others waiting.
  #pace(bytes: number): void {
    this.#work += bytes;
    if (this.#work < WORK_PER_TURN) return;
    this.#busy = true;
    void this.#context.turn().then(() => this.#goOn());
  }

  #goOn(): void {
    this.#work = 0;
    this.#busy = false;
    if (!this.#closed) this.#listener.wake();
  }

  #join(): void {
    const { feeds, pacer, progress, runs, mergeBehind, meter, observer } = this.#context;
    const options = { store: runs.store, runId: this.#runId, encoder: this.#encoder, from: this.#at };
    this.#feed = feeds.join(this.#feedName, () => ({ ...options, pacer, progress, mergeBehind, meter, observer }));
    this.#encoder = this.#feed.encoder; // the same wording: one for all
    this.#feedName = ""; // an idle reader keeps nothing that it does not need
  }

  async #step(): Promise<void> {
    const { meter, progress, runs, turn } = this.#context;
    progress.reached(this.#runId, this.#at);
    // What a step makes is held until it is taken: characters may be three bytes each.
    const { entries, end } = await runs.store.read(this.#runId, { after: this.#at, ...STEP, maxLength: LARGE });
    if (this.#closed) return;
    // One that fell behind since it came has at least what was read.
    const backlog = Math.max(this.#backlog, lengthOf(entries));
    this.#backlog = backlog;
    const text = new Pieces(optimalChunkSize(backlog));
    const known = Math.max(this.#last, this.#feed?.head ?? 0); // a step is a part of what there is
    const behind = Math.max(entries.length, known - this.#at);
    const taken = this.#word(entries, text);
    // Much may be read for little that is sent, or for nothing.
    this.#work += backlog - this.#backlog;
    if (this.#work >= WORK_PER_TURN) {
      this.#work = 0;
      await turn();
      if (this.#closed) return;
    }
    if (taken > 0) meter.readerBehind(behind);
    if (entries.length === 0) {
      this.#merger.flush(this.#encoder, (frames) => text.add(frames));
      if (!end && !this.#feed) this.#join();
    }
    const pieces = text.list();
    const large = entries[taken];
    // What comes before a large entry goes first, and the entry is read again.
    if (large !== undefined && pieces.length === 0) return this.#takeLarge(large, end && taken + 1 === entries.length);
    this.#endsWithPieces = end && large === undefined && !this.#merger.waits;
    this.#begin(pieces);
  }

  /** Up to the first large entry. Returns how many it took. */
  #word(entries: readonly string[], text: Pieces): number {
    const merging = this.#merger.waits || entries.length > this.#context.mergeBehind;
    const put: Put = (frames) => text.add(frames);
    let taken = 0;
    for (const entry of entries) {
      const sequence = this.#at + 1;
      if (!merging || this.#skip > 0 || !this.#merger.join(this.#encoder, entry, sequence, put)) {
        const frames = this.#encoder.text(entry, sequence, this.#skip);
        if (frames === undefined) break;
        text.add(frames);
      }
      this.#at = sequence;
      this.#skip = 0;
      this.#backlog -= entry.length;
      taken += 1;
    }
    return taken;
  }

  /** A large entry, worded once for all who are at it. */
  async #takeLarge(entry: string, isEnd: boolean): Promise<void> {
    const pieces = await this.#encoder.pieces(entry, this.#at + 1, this.#skip);
    if (this.#closed) return;
    this.#at += 1;
    this.#skip = 0;
    this.#endsWithPieces = isEnd;
    this.#begin(pieces);
  }

  #begin(pieces: readonly Piece[]): void {
    this.#pieces = pieces;
    this.#index = 0;
    this.#busy = false;
    this.#listener.wake();
  }
}

const NOTHING: Piece = pieceOf("");

function lengthOf(entries: readonly string[]): number {
  return entries.reduce((length, entry) => length + entry.length, 0);
}

/** Whole frames, gathered into pieces of about one size. */
class Pieces {
  readonly #size: number;
  readonly #pieces: Piece[] = [];
  #text = "";

  constructor(size: number) {
    this.#size = size;
  }

  add(frames: string): void {
    if (this.#text !== "" && this.#text.length + frames.length > this.#size) this.#cut();
    this.#text += frames;
  }

  list(): readonly Piece[] {
    if (this.#text !== "") this.#cut();
    return this.#pieces;
  }

  #cut(): void {
    this.#pieces.push(pieceOf(this.#text));
    this.#text = "";
  }
}
