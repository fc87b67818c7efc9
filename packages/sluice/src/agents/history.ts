import type { Envelope } from "./event.ts";

const KEPT = 10_000;

/** The events of a run in the order in which they were published: at least the newest 10,000. */
export class History {
  #events: Envelope[] = [];
  #gone = 0;

  /** Returns its number, from 1 on. */
  add(event: Envelope): number {
    this.#events.push(event);
    if (this.#events.length >= 2 * KEPT) {
      this.#events = this.#events.slice(-KEPT);
      this.#gone += KEPT;
    }
    return this.#gone + this.#events.length;
  }

  /** The newest 10,000 up to the event of this number. */
  until(number: number): readonly Envelope[] {
    const end = Math.max(0, number - this.#gone);
    return this.#events.slice(Math.max(0, end - KEPT), end);
  }

  get all(): readonly Envelope[] {
    return this.until(this.#gone + this.#events.length);
  }
}
