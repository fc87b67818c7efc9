import { useMemo, useRef, type ReactNode } from "react";
import { wordsOf } from "../server/call.ts";
import type { Api } from "./api.ts";
import { ConnectionNote } from "./connection-note.tsx";
import { EventsPanel } from "./events-panel.tsx";
import { GapHistogram } from "./gap-histogram.tsx";
import { Happenings } from "./happenings.tsx";
import { knownRun, type KnownRun } from "./known-run.ts";
import { RunFacts } from "./run-facts.tsx";
import { StatusMark } from "./status-mark.tsx";
import { StopButton } from "./stop-button.tsx";
import { Timeline } from "./timeline.tsx";
import { useNow } from "../page/use-now.ts";
import { useRun, type RunView } from "./use-run.ts";
import type { NodeFacts } from "./wire.ts";

interface RunPageProps {
  readonly api: Api;
  readonly id: string;
  readonly onSignedOut: () => void;
}

export function RunPage({ api, id, onSignedOut }: RunPageProps): ReactNode {
  const view = useRun(api, id, onSignedOut);
  const run = useMemo(() => knownRun(view), [view]);
  if (run && view.node) return <Shown api={api} id={id} node={view.node} view={view} run={run} />;
  return (
    <main className="run-page">
      <Back />
      {view.state.kind === "failed" ? (
        <p role="alert">{wordsOf(view.state.error)}</p>
      ) : (
        <ConnectionNote state={view.state} />
      )}
    </main>
  );
}

interface ShownProps {
  readonly api: Api;
  readonly id: string;
  readonly node: NodeFacts;
  readonly view: RunView;
  readonly run: KnownRun;
}

function Shown({ api, id, node, view, run }: ShownProps): ReactNode {
  const now = useNow(250) + view.clockAhead;
  const elapsed = Math.max(0, (run.endedAt ?? now) - run.startedAt);
  const running = run.endedAt === null;
  const { seen, state } = view;
  const heading = useRef<HTMLHeadingElement>(null);
  return (
    <main className="run-page">
      <div className="run-head">
        <Back />
        <h2 title={id} ref={heading} tabIndex={-1}>
          {id}
        </h2>
        <StatusMark status={run.status} code={run.code} stopping={run.stopping} />
        {running && (
          <div className="run-actions">
            <ConnectionNote state={state} />
            <StopButton api={api} id={id} owner={run.owner} onAsked={() => heading.current?.focus()} />
          </div>
        )}
      </div>
      <RunFacts run={run} node={node} elapsed={elapsed} />
      <p className="told-by">{toldBy(node.name, seen?.run.here)}</p>
      {seen && (
        <>
          <Timeline report={seen.report} elapsed={elapsed} running={running} />
          <div className="run-columns">
            <Happenings report={seen.report} run={seen.run} />
            <GapHistogram gaps={seen.report.gaps} />
          </div>
        </>
      )}
      <EventsPanel
        api={api}
        id={id}
        series={seen?.run.here === true ? seen.report.series : undefined}
        totalMs={running ? undefined : elapsed}
      />
    </main>
  );
}

function Back(): ReactNode {
  return (
    <a className="back" href="#/">
      ← Runs
    </a>
  );
}

function toldBy(node: string, here: boolean | undefined): string {
  if (here === undefined) {
    return `${node} has not seen this run, or no longer remembers it: another process produced it, or it is long over. The store keeps no times of what was written.`;
  }
  return here
    ? `As ${node} saw it, which produced the run. Readers of other nodes do not show.`
    : `As ${node} saw it, which only delivered the run, or no longer remembers how it was produced: neither its pace nor its lease shows.`;
}
