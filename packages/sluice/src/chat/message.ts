import type { FinishReason, Usage } from "./events.ts";

/** What a run's events fold into. Parts have the shapes of the AI SDK's UIMessage. */
export interface Message {
  readonly id: string;
  readonly role: "assistant";
  readonly parts: readonly MessagePart[];
  readonly metadata?: unknown;
  /** `streaming` until the terminal. */
  readonly status: "streaming" | "finished" | "aborted" | "failed";
  readonly finishReason?: FinishReason;
  readonly usage?: Usage;
  readonly error?: { readonly code: string; readonly message: string };
}

export type MessagePart =
  | { readonly type: "text"; readonly text: string; readonly state: PartState; readonly providerMetadata?: unknown }
  | {
      readonly type: "reasoning";
      readonly text: string;
      readonly state: PartState;
      readonly providerMetadata?: unknown;
    }
  | ToolPart
  | {
      readonly type: "source-url";
      readonly sourceId: string;
      readonly url: string;
      readonly title?: string;
      readonly providerMetadata?: unknown;
    }
  | {
      readonly type: "source-document";
      readonly sourceId: string;
      readonly mediaType: string;
      readonly title: string;
      readonly filename?: string;
      readonly providerMetadata?: unknown;
    }
  | { readonly type: "file"; readonly url: string; readonly mediaType: string; readonly providerMetadata?: unknown }
  | { readonly type: `data-${string}`; readonly id?: string; readonly data: unknown }
  | { readonly type: "step-start" };

export type PartState = "streaming" | "done";

export interface ToolPart {
  /** `tool-<name>`, or `dynamic-tool` with `toolName`. */
  readonly type: `tool-${string}` | "dynamic-tool";
  readonly toolCallId: string;
  readonly toolName: string;
  readonly state:
    | "input-streaming"
    | "input-available"
    | "approval-requested"
    | "output-available"
    | "output-error"
    | "output-denied";
  /** The input's text so far, while it streams; it is not JSON until it is complete. */
  readonly inputText?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly preliminary?: boolean;
  readonly errorText?: string;
  readonly approvalId?: string;
  readonly providerExecuted?: boolean;
  readonly title?: string;
}
