import { Histogram, type Registry } from "prom-client";

type Written = Awaited<ReturnType<Histogram["get"]>>;

export interface TallyHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
  readonly registers: Registry[];
}

/**
 * A histogram for what happens with every token: prom-client's own looks its labels up at each observation, which costs
 * 300 ns against 10 ns here. Nothing but `add` fills it.
 */
export class TallyHistogram extends Histogram {
  readonly #options: TallyHistogramOptions;
  /** Never filled: what it writes of its kind, ours says too. */
  readonly #empty: Histogram;
  readonly #tallies: number[];
  #sum = 0;

  constructor(options: TallyHistogramOptions) {
    const { name, help, buckets } = options;
    super({ name, help, buckets: [...buckets], registers: options.registers });
    this.#empty = new Histogram({ name, help, registers: [] });
    this.#options = options;
    this.#tallies = [...options.buckets.map(() => 0), 0];
  }

  /** Less than nothing, which a clock that is set back makes of a time, counts as nothing. */
  add(value: number): void {
    const { buckets } = this.#options;
    let index = 0;
    while (index < buckets.length && value > (buckets[index] ?? 0)) index += 1;
    this.#tallies[index] = (this.#tallies[index] ?? 0) + 1;
    if (value > 0) this.#sum += value;
  }

  override async get(): Promise<Written> {
    const { name, buckets } = this.#options;
    let count = 0;
    const values: Written["values"] = this.#tallies.map((tally, index) => {
      count += tally;
      return { metricName: `${name}_bucket`, labels: { le: buckets[index] ?? "+Inf" }, value: count };
    });
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return { ...(await this.#empty.get()), values };
  }

  /** What the registry asks for when it writes text. */
  getForPromString(): Promise<Written> {
    return this.get();
  }
}
