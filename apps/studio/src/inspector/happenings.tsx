import { useMemo, type ReactNode } from "react";
import { happeningsOf } from "./happening.ts";
import type { Run } from "./runs.ts";
import type { RunReport } from "./wire.ts";
import { count, duration } from "./words.ts";

/** The timeline in words: also for those who do not see the picture. */
export function Happenings({ run, report }: { readonly run: Run; readonly report: RunReport }): ReactNode {
  const list = useMemo(() => happeningsOf(run, report), [run, report]);
  const { joined, hidden } = report.readers;
  const missing = report.marks.from;
  return (
    <section className="happenings" aria-label="What happened">
      <h3>What happened</h3>
      <ol tabIndex={0} aria-label="In order of time">
        {list.map(({ ms, kind, words }, index) => (
          <li key={`${ms} ${words} ${index}`} data-kind={kind}>
            <time>{duration(ms)}</time>
            <span>{words}</span>
          </li>
        ))}
      </ol>
      {hidden > 0 && (
        <p>
          {count(joined)} readers came; {count(hidden)} of them are not shown.
        </p>
      )}
      {missing > 0 && <p>{count(missing)} earlier marks were let go of.</p>}
    </section>
  );
}
