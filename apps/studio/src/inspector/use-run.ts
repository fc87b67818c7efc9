import { useEffect, useState } from "react";
import { isSignedOut, type Api } from "./api.ts";
import { follow, type FollowState } from "./follow.ts";
import { merged } from "./report.ts";
import { runOf, type Run } from "./runs.ts";
import type { NodeFacts, RunAnswer, RunChange, RunReport, StoredRun } from "./wire.ts";

export interface RunView {
  /** Who told it. */
  readonly node: NodeFacts | undefined;
  readonly state: FollowState;
  /** As this node saw it; undefined for a run that it has not seen, or no longer remembers. */
  readonly seen: { readonly run: Run; readonly report: RunReport } | undefined;
  readonly stored: StoredRun | undefined;
  /** The gateway's clock, less this browser's. */
  readonly clockAhead: number;
}

const NOTHING: RunView = {
  node: undefined,
  state: { kind: "loading" },
  seen: undefined,
  stored: undefined,
  clockAhead: 0,
};

/** One run, as long as it is looked at. */
export function useRun(api: Api, id: string, onSignedOut: () => void): RunView {
  const [view, setView] = useState(NOTHING);
  useEffect(() => {
    const left = new AbortController();
    void watch(api, id, left.signal, (update) => {
      setView(update);
    });
    return () => left.abort();
  }, [api, id]);
  const { state } = view;
  useEffect(() => {
    if (state.kind === "failed" && isSignedOut(state.error)) onSignedOut();
  }, [state, onSignedOut]);
  return view;
}

type Update = (change: (before: RunView) => RunView) => void;

async function watch(api: Api, id: string, signal: AbortSignal, update: Update): Promise<void> {
  let over = false;
  const onLoad = ({ node, at, facts, report, stored }: RunAnswer): void =>
    update((before) => ({
      ...before,
      node,
      clockAhead: at - Date.now(),
      stored,
      seen: facts && report ? { run: runOf(facts, report.row), report } : undefined,
    }));
  await follow<RunAnswer>({
    url: new URL(`/inspector/runs/${encodeURIComponent(id)}/live`, api.server.origin).href,
    fetch: api.server.fetch,
    signal,
    async load() {
      const answer = await api.run(id);
      // Nothing more will be told of a run that nobody here has seen.
      if (answer.place === undefined) throw new Unseen(answer);
      return { place: answer.place, value: answer };
    },
    onLoad,
    onEvent({ event, data }) {
      if (event !== "change") return;
      const change = JSON.parse(data) as RunChange;
      update((before) => withChange(before, change));
      const ended = change.row[3] !== null;
      // The store has what only the end tells: usage, the finish reason.
      if (ended && !over)
        void api.run(id).then(
          ({ stored }) => update((before) => ({ ...before, stored })),
          () => {},
        );
      over ||= ended;
    },
    onState(state) {
      if (state.kind === "failed" && state.error instanceof Unseen) {
        onLoad(state.error.answer);
        update((before) => ({ ...before, state: { kind: "live" } }));
      } else update((before) => ({ ...before, state }));
    },
  });
}

function withChange(before: RunView, change: RunChange): RunView {
  if (!before.seen) return before;
  const report = merged(before.seen.report, change);
  return { ...before, clockAhead: change.at - Date.now(), seen: { run: runOf(before.seen.run, report.row), report } };
}

class Unseen extends Error {
  readonly answer: RunAnswer;

  constructor(answer: RunAnswer) {
    super("This node has not seen the run.");
    this.answer = answer;
  }
}
