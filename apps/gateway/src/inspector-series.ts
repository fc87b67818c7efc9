/** What a run wrote over time, in as many steps as fit: when they are full, two become one. */
export interface Series {
  readonly stepMs: number;
  /** Pieces of content that were stored in each step. */
  readonly tokens: readonly number[];
  /** Where the log ended after each step, as far as content tells. */
  readonly last: readonly number[];
  /** The longest pause that ended in each step, in milliseconds. */
  readonly pauses: readonly number[];
}

// 3 KiB for a run of any length: a step has 50 ms in the first 6.4 s of it, and 16 s in half an hour.
const STEPS = 128;
const FIRST_STEP_MS = 50;

export class TokenSeries implements Series {
  stepMs: number = FIRST_STEP_MS;
  tokens: number[] = [];
  last: number[] = [];
  pauses: number[] = [];
  /** How many pauses were shorter than 1 ms, 2, 4 and so on; the last one counts all that are longer. */
  readonly gaps: number[] = Array.from({ length: GAP_CLASSES }, () => 0);
  #at: number | undefined;

  /** @param ms since the run began @param last where the log ends */
  add(ms: number, count: number, last: number): void {
    const pause = this.#at === undefined ? undefined : Math.max(0, ms - this.#at);
    this.#at = ms;
    const step = this.#stepOf(ms);
    this.tokens[step] = (this.tokens[step] ?? 0) + count;
    this.last[step] = last;
    if (pause === undefined) return;
    this.pauses[step] = Math.max(this.pauses[step] ?? 0, pause);
    const gapClass = gapClassOf(pause);
    this.gaps[gapClass] = (this.gaps[gapClass] ?? 0) + 1;
  }

  #stepOf(ms: number): number {
    let step = Math.max(0, Math.floor(ms / this.stepMs));
    while (step >= STEPS) {
      this.#halve();
      step = Math.floor(ms / this.stepMs);
    }
    // A clock that was set back writes into the newest step.
    step = Math.max(step, this.tokens.length - 1);
    while (this.tokens.length <= step) {
      this.last.push(this.last.at(-1) ?? 0);
      this.tokens.push(0);
      this.pauses.push(0);
    }
    return step;
  }

  #halve(): void {
    this.stepMs *= 2;
    this.tokens = pairs(this.tokens, (first, second) => first + second);
    this.last = pairs(this.last, Math.max);
    this.pauses = pairs(this.pauses, Math.max);
  }
}

const GAP_CLASSES = 16;

function gapClassOf(ms: number): number {
  return Math.min(GAP_CLASSES - 1, 32 - Math.clz32(ms));
}

function pairs(values: readonly number[], join: (first: number, second: number) => number): number[] {
  const joined: number[] = [];
  for (let index = 0; index < values.length; index += 2) joined.push(join(values[index] ?? 0, values[index + 1] ?? 0));
  return joined;
}
