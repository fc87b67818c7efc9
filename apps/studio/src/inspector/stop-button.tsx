import { useState, type ReactNode } from "react";
import { wordsOf } from "../server/call.ts";
import type { Api } from "./api.ts";

interface StopButtonProps {
  readonly api: Api;
  readonly id: string;
  readonly owner: string;
  /** There is nothing more to press here. */
  readonly onAsked: () => void;
}

type State =
  | { readonly kind: "idle" | "sure" | "kept" | "asked" }
  | { readonly kind: "failed"; readonly words: string };

/** It is somebody else's answer: asked twice. */
export function StopButton({ api, id, owner, onAsked }: StopButtonProps): ReactNode {
  const [state, setState] = useState<State>({ kind: "idle" });

  async function stop(): Promise<void> {
    setState({ kind: "asked" });
    onAsked();
    try {
      await api.stop(id);
    } catch (error) {
      setState({ kind: "failed", words: wordsOf(error) });
    }
  }

  if (state.kind === "sure") {
    return (
      <span className="stop-sure" role="group" aria-label="Stop the run?">
        <span>Stop the answer of {owner}?</span>
        <button type="button" className="danger" autoFocus onClick={() => void stop()}>
          Stop it
        </button>
        <button type="button" onClick={() => setState({ kind: "kept" })}>
          Keep it
        </button>
      </span>
    );
  }
  return (
    <>
      {state.kind === "failed" && <span role="alert">{state.words}</span>}
      <button
        type="button"
        className="danger"
        autoFocus={state.kind === "kept"}
        disabled={state.kind === "asked"}
        onClick={() => setState({ kind: "sure" })}
      >
        {state.kind === "asked" ? "Stop asked for" : "Stop"}
      </button>
    </>
  );
}
