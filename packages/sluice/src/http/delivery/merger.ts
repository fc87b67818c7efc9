import type { Meter } from "../../base/meter.ts";
import type { ReaderObserver } from "../../base/observer.ts";
import { DELTA_END, splitDelta } from "../../chat/delta-text.ts";
import { LARGE, type EntryEncoder } from "../encode-entry.ts";

/** Takes the frames of the entries up to `last`. */
export type Put = (frames: string, last: number) => void;

/**
 * Joins deltas of one part that follow each other, up to 16 Ki characters. Nothing is reordered, and the frame has the
 * id of the last one in it. What waits to be joined is given out by `flush`.
 */
export class Merger {
  readonly #meter: Meter;
  readonly #watch: Pick<ReaderObserver, "merged"> | undefined;
  #pending: Pending | undefined;

  constructor(meter: Meter, watch?: Pick<ReaderObserver, "merged">) {
    this.#meter = meter;
    this.#watch = watch;
  }

  get waits(): boolean {
    return this.#pending !== undefined;
  }

  /** Whether the entry has become a part of what waits. What waited before it is put out when it has not. */
  join(encoder: EntryEncoder, entry: string, sequence: number, put: Put): boolean {
    const split = entry.length <= LARGE ? splitDelta(entry) : undefined;
    const delta = split && !endsInHalves(split.literal) ? split : undefined;
    const pending = this.#pending;
    if (pending && delta?.head === pending.head && pending.literal.length + entry.length <= LARGE) {
      pending.literal += delta.literal;
      pending.sequence = sequence;
      pending.count += 1;
      return true;
    }
    this.flush(encoder, put);
    const frames = delta && encoder.text(entry, sequence);
    // Not where the dialect words it by what came before, nor as several frames: the place between them is of one entry.
    if (delta === undefined || frames === undefined || !isOneFrame(frames)) return false;
    this.#pending = { head: delta.head, literal: delta.literal, frames, sequence, count: 1 };
    return true;
  }

  flush(encoder: EntryEncoder, put: Put): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const { head, literal, frames, sequence, count } = pending;
    if (count > 1) {
      this.#meter.merged(count, 1);
      this.#watch?.merged(count, 1);
    }
    const joined = count > 1 ? encoder.text(head + literal + DELTA_END, sequence) : frames;
    if (joined === undefined) throw new TypeError("This dialect words deltas alone, and not what they are together.");
    put(joined, sequence);
  }
}

/**
 * Whether JSON has an escape for half a character at one end of it, or what looks like one: a dialect that sends whole
 * characters words it by its neighbour.
 */
function endsInHalves(literal: string): boolean {
  return literal.startsWith(HALF) || literal.startsWith(HALF, literal.length - 6);
}

const HALF = "\\ud";

/** Or none. */
function isOneFrame(frames: string): boolean {
  return frames === "" || frames.indexOf("\n\n") === frames.length - 2;
}

/** A delta that the next one may be joined to. */
interface Pending {
  readonly head: string;
  literal: string;
  /** Of the first entry alone. */
  readonly frames: string;
  /** Of the last entry in it. */
  sequence: number;
  count: number;
}
