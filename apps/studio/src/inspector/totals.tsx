import { useMemo, type ReactNode } from "react";
import { Chart } from "./chart.tsx";
import type { TotalsSample } from "./wire.ts";
import { bytes, count, rate } from "./words.ts";

interface Shown {
  readonly label: string;
  readonly field: 1 | 2 | 3 | 4 | 5 | 7;
  readonly words: (value: number) => string;
  /** The axis ends here at least. */
  readonly least: number;
}

const CHARTS: readonly Shown[] = [
  { label: "Tokens/s", field: 1, words: rate, least: 10 },
  { label: "Active runs", field: 2, words: count, least: 4 },
  { label: "Readers", field: 3, words: count, least: 4 },
  { label: "Event loop", field: 4, words: (value) => `${Math.round(value * 100)} %`, least: 1 },
  { label: "Memory", field: 5, words: bytes, least: 67_108_864 },
  { label: "Refusals", field: 7, words: count, least: 4 },
];

/** The whole node over the last 15 minutes. */
export function Totals({ samples }: { readonly samples: readonly TotalsSample[] }): ReactNode {
  return (
    <section className="totals" aria-label="This node, the last 15 minutes">
      {CHARTS.map((chart) => (
        <Total key={chart.label} {...chart} samples={samples} />
      ))}
    </section>
  );
}

function Total({
  label,
  field,
  words,
  least,
  samples,
}: Shown & { readonly samples: readonly TotalsSample[] }): ReactNode {
  const data = useMemo<readonly [number[], number[]]>(
    () => [samples.map(([at]) => at / 1_000), samples.map((sample) => sample[field])],
    [samples, field],
  );
  const now = words(samples.at(-1)?.[field] ?? 0);
  const most = words(data[1].reduce((a, b) => Math.max(a, b), 0));
  return (
    <figure className="total">
      <figcaption>
        {label} <strong>{now}</strong>
      </figcaption>
      <Chart data={data} words={words} least={least} label={`${label}: ${now} now, ${most} at most in 15 minutes`} />
    </figure>
  );
}
