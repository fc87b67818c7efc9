import type { ReactNode } from "react";
import type { Status } from "./wire.ts";

const WORDS: Readonly<Record<Status, string>> = {
  running: "running",
  finished: "finished",
  aborted: "stopped",
  failed: "failed",
  unknown: "elsewhere",
};

interface StatusMarkProps {
  readonly status: Status;
  readonly code: string;
  readonly stopping: boolean;
}

/** Shape and word as well as colour. */
export function StatusMark({ status, code, stopping }: StatusMarkProps): ReactNode {
  const shown = status === "failed" ? code || "failed" : status === "running" && stopping ? "stopping" : WORDS[status];
  return (
    <span className="status-mark" data-status={status} title={code}>
      <i aria-hidden="true" />
      {shown}
    </span>
  );
}
