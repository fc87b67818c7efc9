import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import { formatOffset } from "../base/offset.ts";
import type { FinishReason, TerminalEvent, Usage } from "../chat/index.ts";
import type { LogState } from "../log/types.ts";
import type { RunState, RunStatus } from "./types.ts";

/** What a closed run's log keeps beside its entries, so that lists need not read them. */
export type RunSummary = {
  readonly status: RunStatus;
  readonly finishReason?: FinishReason;
  readonly usage?: Readonly<Record<string, number>>;
  readonly error?: { readonly code: string; readonly message: string };
  readonly firstTokenMs?: number;
  readonly durationMs?: number;
};

export function summarise(terminal: TerminalEvent): RunSummary {
  switch (terminal.type) {
    case "finish": {
      const metadata = terminal.messageMetadata;
      const usage = isObject(metadata) && isObject(metadata["usage"]) ? { usage: numbersOf(metadata["usage"]) } : {};
      return { status: "finished", finishReason: terminal.finishReason ?? "stop", ...usage };
    }
    case "abort":
      return { status: "aborted" };
    case "error":
      return { status: "failed", error: { code: terminal.code ?? "PROCESSING_ERROR", message: terminal.errorText } };
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

function numbersOf(usage: Record<string, unknown>): Record<string, number> {
  const entries = Object.entries(usage);
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}

export function runNotFound(cause?: unknown): SluiceError {
  return new SluiceError("run/not-found", "There is no such run.", { cause });
}
