import { SluiceError } from "../base/errors.ts";
import { unpackEvent, type TopicEvent } from "./event.ts";
import { formatPlace, type Place } from "./place.ts";

/** How much of a topic is kept. */
export interface Retention {
  /** Events at least. */
  readonly history: number;
}

/**
 * While all of a topic is less than this, nothing is dropped: a burst of small events is not to push out those who are
 * about to read them. UTF-16 units and `ENTRY_COST` for each event.
 */
export const WINDOW_LENGTH = 262_144;

/** What an event costs beside its text. */
export const ENTRY_COST = 128;

interface Entry {
  readonly sequence: number;
  readonly cost: number;
  readonly event: TopicEvent;
}

/** The newest events of a topic, to be read from any place that is still there. */
export class Ring {
  readonly epoch: string;
  readonly #history: number;
  #entries: Entry[] = [];
  #dropped: number;
  #last: number;
  #cost = 0;

  /** @param after nothing before it is there */
  constructor(epoch: string, after: number, { history }: Retention) {
    this.epoch = epoch;
    this.#history = history;
    this.#dropped = after;
    this.#last = after;
  }

  /** The last event of those that are gone: whoever has it misses nothing. */
  get dropped(): number {
    return this.#dropped;
  }

  get last(): number {
    return this.#last;
  }

  get cost(): number {
    return this.#cost;
  }

  /** Where one begins who wants what comes from now on. */
  get end(): Place {
    return { epoch: this.epoch, sequence: this.#last };
  }

  add(sequence: number, text: string): TopicEvent {
    const event = { id: formatPlace({ epoch: this.epoch, sequence }), ...unpackEvent(text) };
    const cost = text.length + ENTRY_COST;
    this.#entries.push({ sequence, cost, event });
    this.#cost += cost;
    this.#last = sequence;
    let gone = 0;
    for (; this.#entries.length - gone > this.#history && this.#cost > WINDOW_LENGTH; gone += 1) this.#forget(gone);
    if (gone > 0) this.#entries.splice(0, gone);
    return event;
  }

  /** Drops everything: who has it all can go on, nobody else. */
  clear(): void {
    this.#entries = [];
    this.#cost = 0;
    this.#dropped = this.#last;
  }

  /** What comes after a number. @throws SluiceError `log/gap` when some of it is gone */
  after(sequence: number): { readonly sequence: number; readonly event: TopicEvent } | undefined {
    if (sequence < this.#dropped) throw gap();
    return sequence >= this.#last ? undefined : this.#entries[this.#indexAfter(sequence)];
  }

  /** Where one begins who wants the newest `count`. */
  before(count: number): Place {
    const first = this.#entries.length - count;
    const sequence = first > 0 ? (this.#entries[first - 1]?.sequence ?? this.#last) : this.#dropped;
    return { epoch: this.epoch, sequence };
  }

  #forget(index: number): void {
    const entry = this.#entries[index];
    this.#cost -= entry?.cost ?? 0;
    this.#dropped = entry?.sequence ?? this.#dropped;
  }

  #indexAfter(sequence: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.sequence ?? 0) > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What lies between is gone, or it cannot be known whether anything does. */
export function gap(): SluiceError {
  return new SluiceError("log/gap", "Events after this one are no longer kept. Begin anew, without Last-Event-ID.");
}
