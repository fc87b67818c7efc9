import type { Logger, Meter, Observer, Route } from "sluice/http";
import type { Runs } from "sluice/run";
import { createLive, TICK_MS } from "./inspector-live.ts";
import { createRecorder } from "./inspector-recorder.ts";
import { inspectorRoutes } from "./inspector-routes.ts";
import { createInspectorSessions, type InspectorSessionsOptions } from "./inspector-session.ts";
import { createTotals, SAMPLE_MS } from "./inspector-totals.ts";

export interface InspectorOptions extends InspectorSessionsOptions {
  /** Asked for when there is a request: the runs are made with what this returns. */
  readonly runs: () => Runs;
  readonly log: Logger;
  /** What the page says of this node. */
  readonly node: Readonly<Record<string, string>>;
  readonly now?: () => number;
}

/** What the operator sees of this node: `/inspector`. docs/inspector.md. */
export interface Inspector {
  readonly observer: Observer;
  /** Counts for the charts, and tells the other one. */
  count(meter: Meter): Meter;
  readonly routes: readonly Route[];
  close(): Promise<void>;
}

export function createInspector(options: InspectorOptions): Inspector {
  const { runs, log, now = Date.now } = options;
  const recorder = createRecorder({ now, stateOf: (id) => runs().get(id) });
  const live = createLive(recorder, now, log);
  const totals = createTotals(recorder, now);
  const sessions = createInspectorSessions(options);
  const node = { ...options.node, startedAt: now() };
  const timers = [
    setInterval(() => live.tick(), TICK_MS).unref(),
    setInterval(() => live.totals(totals.sample()), SAMPLE_MS).unref(),
  ];
  return {
    observer: recorder.observer,
    count: totals.count,
    routes: inspectorRoutes({ sessions, recorder, live, totals, runs, log, now, node }),
    async close() {
      for (const timer of timers) clearInterval(timer);
      await live.close();
    },
  };
}
