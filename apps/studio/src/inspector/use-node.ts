import { useEffect, useState } from "react";
import { isSignedOut, type Api } from "./api.ts";
import { follow, type FollowState } from "./follow.ts";
import { changed, loaded, type Runs } from "./runs.ts";
import type { ListChange, NodeFacts, TotalsSample } from "./wire.ts";

export interface NodeView {
  /** Who told it: after a reconnection it may be another. */
  readonly node: NodeFacts | undefined;
  readonly runs: Runs;
  readonly totals: readonly TotalsSample[];
  /** The gateway's clock, less this browser's. */
  readonly clockAhead: number;
  readonly state: FollowState;
}

const MOST_SAMPLES = 450;

/** What the node tells of all runs, as long as the page is open. */
export function useNode(api: Api, onSignedOut: () => void): NodeView {
  const [view, setView] = useState<NodeView>({
    node: undefined,
    runs: new Map(),
    totals: [],
    clockAhead: 0,
    state: { kind: "loading" },
  });
  useEffect(() => {
    const left = new AbortController();
    void follow({
      url: new URL("/inspector/events", api.server.origin).href,
      fetch: api.server.fetch,
      signal: left.signal,
      async load() {
        const list = await api.list();
        return { place: list.place, value: { list, totals: await api.totals() } };
      },
      onLoad: ({ list, totals }) =>
        setView((before) => ({
          ...before,
          node: list.node,
          runs: loaded(list),
          totals: totals.samples,
          clockAhead: list.at - Date.now(),
        })),
      onEvent({ event, data }) {
        const told: unknown = JSON.parse(data);
        if (event === "change") {
          const change = told as ListChange;
          setView((before) => ({
            ...before,
            runs: changed(before.runs, change),
            clockAhead: change.at - Date.now(),
          }));
        } else if (event === "totals") {
          setView((before) => ({ ...before, totals: withSample(before.totals, told as TotalsSample) }));
        }
      },
      onState(state) {
        setView((before) => ({ ...before, state }));
        if (state.kind === "failed" && isSignedOut(state.error)) onSignedOut();
      },
    });
    return () => left.abort();
  }, [api, onSignedOut]);
  return view;
}

/** One that was in what was loaded may be told once more. */
function withSample(samples: readonly TotalsSample[], sample: TotalsSample): readonly TotalsSample[] {
  const last = samples.at(-1);
  return last && last[0] >= sample[0] ? samples : [...samples, sample].slice(-MOST_SAMPLES);
}
