import { SluiceError } from "../base/errors.ts";
import { formatOffset } from "../base/offset.ts";
import { isApplicationEvent } from "../chat/index.ts";
import type { FinishReason, RunEvent, TerminalEvent, Usage } from "../chat/index.ts";
import { usageOf } from "../chat/metadata.ts";
import type { LogState } from "../log/types.ts";
import type { RunState, RunStatus } from "./types.ts";

/** What a closed run's log keeps beside its entries, so that lists need not read them. */
export type RunSummary = {
  readonly status: RunStatus;
  readonly finishReason?: FinishReason;
  readonly usage?: Counts;
  readonly error?: { readonly code: string; readonly message: string };
  readonly firstTokenMs?: number;
  readonly durationMs?: number;
};

/** Tokens by kind, as JSON has them. */
export type Counts = Readonly<Record<string, number>>;

/** What is known of a run's usage after this event: each count as it was told last. */
export function usageAfter(event: RunEvent, before?: Counts): Counts | undefined {
  const told = usageOf(metadataOf(event));
  return told ? { ...before, ...told } : before;
}

/** @param usage what the events before the terminal have told */
export function summarise(terminal: TerminalEvent, usage?: Counts): RunSummary {
  const known = usageAfter(terminal, usage);
  return { ...endOf(terminal), ...(known ? { usage: known } : {}) };
}

function endOf(terminal: TerminalEvent): RunSummary {
  switch (terminal.type) {
    case "finish":
      return { status: "finished", finishReason: terminal.finishReason ?? "stop" };
    case "abort":
      return { status: "aborted" };
    case "error":
      return { status: "failed", error: { code: terminal.code ?? "PROCESSING_ERROR", message: terminal.errorText } };
  }
}

function metadataOf(event: RunEvent): unknown {
  if (isApplicationEvent(event)) return undefined;
  switch (event.type) {
    case "start":
    case "message-metadata":
    case "finish":
      return event.messageMetadata;
    default:
      return undefined;
  }
}

export function toRunState(log: LogState): RunState {
  // Only `summarise` writes it.
  const summary = log.summary as RunSummary | undefined;
  return {
    id: log.id,
    owner: log.owner,
    status: summary?.status ?? "running",
    ...(log.claim ? { requestId: log.claim.key } : {}),
    meta: log.meta,
    createdAt: log.createdAt,
    ...(log.closedAt === undefined ? {} : { closedAt: log.closedAt }),
    firstOffset: formatOffset(log.first),
    lastOffset: formatOffset(log.last),
    bytes: log.bytes,
    stopRequested: log.stopRequested,
    ...(summary?.finishReason ? { finishReason: summary.finishReason } : {}),
    ...(summary?.usage ? { usage: summary.usage as Usage } : {}),
    ...(summary?.error ? { error: summary.error } : {}),
    ...(summary?.firstTokenMs === undefined ? {} : { firstTokenMs: summary.firstTokenMs }),
  };
}

export function runNotFound(cause?: unknown): SluiceError {
  return new SluiceError("run/not-found", "There is no such run.", { cause });
}
