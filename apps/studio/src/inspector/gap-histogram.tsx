import type { ReactNode } from "react";
import { count } from "./words.ts";

/** How long the pauses between two appends of content were. */
export function GapHistogram({ gaps }: { readonly gaps: readonly number[] }): ReactNode {
  const first = gaps.findIndex((value) => value > 0);
  const last = gaps.findLastIndex((value) => value > 0);
  const total = gaps.reduce((sum, value) => sum + value, 0);
  const shown = first < 0 ? [] : gaps.slice(first, last + 1);
  const most = Math.max(1, ...shown);
  return (
    <section className="gaps" aria-label="Pauses between tokens">
      <h3>Pauses between tokens</h3>
      {shown.length === 0 ? (
        <p>None yet.</p>
      ) : (
        <table>
          <thead className="sr-only">
            <tr>
              <th scope="col">Pause</th>
              <th scope="col">Share</th>
              <th scope="col">How many</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((value, index) => (
              <tr key={first + index}>
                <th scope="row">{classWords(first + index)}</th>
                <td>
                  {value > 0 && (
                    <span className="gap-bar" style={{ width: `${(value / most) * 100}%` }} aria-hidden="true" />
                  )}
                  <span className="sr-only">{Math.round((value / total) * 100)} %</span>
                </td>
                <td>{count(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** Class n holds 2^(n-1) to 2^n ms; the last one holds all that are longer. */
function classWords(gapClass: number): string {
  if (gapClass === 0) return "under 1 ms";
  const from = 2 ** (gapClass - 1);
  const words = from < 1_024 ? `${from} ms` : `${from / 1_024} s`;
  return gapClass === 15 ? `${words} and more` : `from ${words}`;
}
