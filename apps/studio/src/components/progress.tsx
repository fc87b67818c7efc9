import type { ReactNode } from "react";
import type { RunningState } from "../chat/chat.ts";

interface ProgressProps {
  readonly state: RunningState;
  /** Something of the answer is there: then only a disturbance is worth words. */
  readonly started: boolean;
}

export function Progress({ state, started }: ProgressProps): ReactNode {
  const words = wordsFor(state, started);
  return (
    <p className="progress" data-waiting={state.waiting}>
      <span className="dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {words}
    </p>
  );
}

function wordsFor({ waiting, stopping }: RunningState, started: boolean): string {
  if (waiting === "unreachable")
    return started ? "Connection lost, reconnecting…" : "The server cannot be reached, trying again…";
  if (waiting === "unavailable") return "The server is busy, trying again…";
  return stopping ? "Stopping…" : "";
}
