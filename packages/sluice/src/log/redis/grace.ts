import type { Clock } from "../../base/clock.ts";

/**
 * The time after Redis was away. Producers may not have renewed their leases, so nothing lapses; and they may be
 * putting back what a fail-over has lost, so a reader that has more than there is waits.
 */
export class Grace {
  readonly ms: number;
  readonly #clock: Clock;
  #until = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.ms = ms;
  }

  start(): void {
    this.#until = this.#clock.now() + this.ms;
  }

  get leftMs(): number {
    return Math.max(0, this.#until - this.#clock.now());
  }
}
