import type { ReactNode } from "react";
import { wordsOf } from "../server/call.ts";
import type { FollowState } from "./follow.ts";

/** Whether what is shown is what is. */
export function ConnectionNote({ state }: { readonly state: FollowState }): ReactNode {
  return (
    <p className="connection-note" data-kind={state.kind} role="status">
      {textOf(state)}
    </p>
  );
}

function textOf(state: FollowState): string {
  switch (state.kind) {
    case "loading":
      return "Loading";
    case "live":
      return "Live";
    case "waiting":
      return "Connection lost, trying again";
    case "failed":
      return wordsOf(state.error);
  }
}
