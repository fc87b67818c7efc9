import type { JsonObject } from "../base/json.ts";
import type { Offset } from "../base/offset.ts";
import type { FinishReason, Usage } from "../chat/events.ts";
import type { RunSource } from "./source.ts";

export interface RunLimits {
  /** Longest life of a run before it ends with `run/max-duration`. Default 300,000 (5 min), at most 1,800,000. */
  readonly maxDurationMs: number;
  /** UTF-8 bytes of all events of a run. Default 67,108,864 (64 MiB). */
  readonly maxBytes: number;
  /** Events of a run. Default 2,000,000. */
  readonly maxEntries: number;
}

export interface StartRun {
  /** Who may read and stop the run. Compared as it is. */
  readonly owner: string;
  /** Idempotency key of this owner; it lives as long as the run. The same key again attaches to the run that has it. */
  readonly requestId?: string | undefined;
  /** What was asked, for comparison when the key comes again. Compared as canonical JSON. */
  readonly request?: unknown;
  /** Kept with the run and shown in its state. Small: no prompts. */
  readonly meta?: JsonObject;
  /** Id of the message the run produces. Default: derived from the run's id. */
  readonly messageId?: string;
  readonly limits?: Partial<RunLimits>;
  /**
   * Awaited before the run exists, with the id that it is to have: for what must be known of it when its producer dies
   * at once. Such a run may never come to be. What it throws, `start` throws.
   */
  readonly announce?: (runId: string) => Promise<void>;
}

export interface SourceContext {
  readonly runId: string;
  /** Fires when the run ends in any other way than well: stop, deadline, limit, end of a drain. Hand it to the LLM call. */
  readonly signal: AbortSignal;
}

/** A source, or a function that makes it: the function is called once per run, and never for a request that attaches. */
export type RunInput = RunSource | ((context: SourceContext) => RunSource | Promise<RunSource>);

export type RunStatus = "running" | "finished" | "aborted" | "failed";

export interface RunState {
  readonly id: string;
  readonly owner: string;
  readonly status: RunStatus;
  readonly requestId?: string;
  readonly meta: JsonObject;
  readonly createdAt: number;
  readonly closedAt?: number;
  /** Offset of the first event kept, and of the last. */
  readonly firstOffset: Offset;
  readonly lastOffset: Offset;
  readonly bytes: number;
  readonly stopRequested: boolean;
  readonly finishReason?: FinishReason;
  readonly usage?: Usage;
  readonly error?: { readonly code: string; readonly message: string };
  /** Milliseconds from the start to the first event of content, once it is known (after the end). */
  readonly firstTokenMs?: number;
}
