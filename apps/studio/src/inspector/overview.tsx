import { useDeferredValue, useMemo, type ReactNode } from "react";
import type { Api } from "./api.ts";
import { countByStatus, shown, type View } from "./runs.ts";
import { RunTable } from "./run-table.tsx";
import { StoredRuns } from "./stored-runs.tsx";
import { Totals } from "./totals.tsx";
import type { NodeView } from "./use-node.ts";
import { FilterBar } from "./filter-bar.tsx";
import type { NodeFacts } from "./wire.ts";

interface OverviewProps {
  readonly api: Api;
  readonly node: NodeView;
  readonly facts: NodeFacts;
  readonly view: View;
  readonly onView: (view: View) => void;
}

export function Overview({ api, node, facts, view, onView }: OverviewProps): ReactNode {
  const { runs, totals, clockAhead } = node;
  const counts = useMemo(() => countByStatus(runs), [runs]);
  const deferred = useDeferredValue(view);
  const found = useMemo(() => shown(runs, deferred), [runs, deferred]);
  return (
    <main className="overview">
      <Totals samples={totals} />
      <FilterBar view={view} onView={onView} counts={counts} found={found.length} />
      <RunTable
        runs={found}
        view={view}
        onView={onView}
        store={facts.store}
        model={facts.model}
        clockAhead={clockAhead}
        empty={
          runs.size === 0
            ? "No runs yet. Ask something, and it shows here at once."
            : "No run of this node fits. Runs that it no longer remembers may be in the store."
        }
      />
      <StoredRuns api={api} owner={view.search} />
    </main>
  );
}
