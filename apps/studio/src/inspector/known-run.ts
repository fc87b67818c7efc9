import type { Run } from "./runs.ts";
import type { RunView } from "./use-run.ts";
import type { StoredRun } from "./wire.ts";

/** What is known of a run: by this node, which has seen it, or by the store. */
export type KnownRun = Pick<
  Run,
  "owner" | "status" | "code" | "stopping" | "startedAt" | "endedAt" | "firstTokenMs" | "entries" | "bytes"
> &
  Partial<Run> & { readonly usage?: StoredRun["usage"]; readonly error?: StoredRun["error"] };

export function knownRun({ seen, stored }: Pick<RunView, "seen" | "stored">): KnownRun | undefined {
  if (!stored) return seen?.run;
  return { ...ofStore(stored), ...withoutNull(seen?.run) };
}

function ofStore(run: StoredRun): KnownRun {
  const { owner, status, createdAt, closedAt, firstTokenMs, entries, bytes, meta, requestId, usage, error } = run;
  const text = { model: meta["model"], graph: meta["graphType"], threadId: meta["threadId"], requestId };
  return {
    ...Object.fromEntries(Object.entries(text).filter(([, value]) => typeof value === "string")),
    owner,
    status,
    code: error?.code ?? "",
    stopping: run.stopRequested,
    startedAt: createdAt,
    endedAt: closedAt ?? null,
    firstTokenMs: firstTokenMs ?? null,
    entries,
    bytes,
    ...(usage ? { usage } : {}),
    ...(error ? { error } : {}),
  };
}

// What this node does not know the store may.
function withoutNull(run: Run | undefined): Partial<Run> {
  return Object.fromEntries(Object.entries(run ?? {}).filter(([, value]) => value !== null));
}
