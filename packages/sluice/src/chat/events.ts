/**
 * The vocabulary of a run: the AI SDK's UI message stream v1 (ai 5 to 7), with our terminal rules.
 * Objects are loose: keys not named here travel along untouched. PROTOCOL.md section 4.
 */
export type ChatEvent =
  | StartEvent
  | TextEvent
  | ReasoningEvent
  | ToolEvent
  | SourceEvent
  | FileEvent
  | DataEvent
  | StepEvent
  | MetadataEvent
  | TerminalEvent;

export interface StartEvent {
  readonly type: "start";
  readonly messageId?: string;
  readonly messageMetadata?: unknown;
}

export type TextEvent =
  | { readonly type: "text-start"; readonly id: string; readonly providerMetadata?: unknown }
  | { readonly type: "text-delta"; readonly id: string; readonly delta: string; readonly providerMetadata?: unknown }
  | { readonly type: "text-end"; readonly id: string; readonly providerMetadata?: unknown };

export type ReasoningEvent =
  | { readonly type: "reasoning-start"; readonly id: string; readonly providerMetadata?: unknown }
  | {
      readonly type: "reasoning-delta";
      readonly id: string;
      readonly delta: string;
      readonly providerMetadata?: unknown;
    }
  | { readonly type: "reasoning-end"; readonly id: string; readonly providerMetadata?: unknown };

interface ToolOptions {
  readonly providerExecuted?: boolean;
  readonly providerMetadata?: unknown;
  readonly dynamic?: boolean;
  readonly title?: string;
}

export type ToolEvent =
  | ({ readonly type: "tool-input-start"; readonly toolCallId: string; readonly toolName: string } & ToolOptions)
  | { readonly type: "tool-input-delta"; readonly toolCallId: string; readonly inputTextDelta: string }
  | ({
      readonly type: "tool-input-available";
      readonly toolCallId: string;
      readonly toolName: string;
      readonly input: unknown;
    } & ToolOptions)
  | ({
      readonly type: "tool-input-error";
      readonly toolCallId: string;
      readonly toolName: string;
      readonly input: unknown;
      readonly errorText: string;
    } & ToolOptions)
  | ({
      readonly type: "tool-output-available";
      readonly toolCallId: string;
      readonly output: unknown;
      readonly preliminary?: boolean;
    } & ToolOptions)
  | ({ readonly type: "tool-output-error"; readonly toolCallId: string; readonly errorText: string } & ToolOptions)
  | { readonly type: "tool-output-denied"; readonly toolCallId: string }
  | { readonly type: "tool-approval-request"; readonly approvalId: string; readonly toolCallId: string };

export type SourceEvent =
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
    };

export interface FileEvent {
  readonly type: "file";
  readonly url: string;
  readonly mediaType: string;
  readonly providerMetadata?: unknown;
}

/** Application data as a part of the message. The same `id` replaces the earlier part; `transient` is never stored in it. */
export interface DataEvent {
  readonly type: `data-${string}`;
  readonly id?: string;
  readonly data: unknown;
  readonly transient?: boolean;
}

export interface StepEvent {
  readonly type: "start-step" | "finish-step";
}

export interface MetadataEvent {
  readonly type: "message-metadata";
  readonly messageMetadata: unknown;
}

export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "error" | "other";

/** The last entry of every run, exactly one of them. */
export type TerminalEvent = FinishEvent | AbortEvent | ErrorEvent;

export interface FinishEvent {
  readonly type: "finish";
  readonly finishReason?: FinishReason;
  /** `usage` lives here: `{usage: {inputTokens, outputTokens, totalTokens}}`. */
  readonly messageMetadata?: unknown;
}

export interface AbortEvent {
  readonly type: "abort";
  readonly reason?: string;
}

export interface ErrorEvent {
  readonly type: "error";
  readonly errorText: string;
  /** A code of docs/errors.md. The AI SDK ignores it. */
  readonly code?: string;
}

/** Tokens as counted by the provider. */
export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly reasoningTokens?: number;
  readonly cachedInputTokens?: number;
}

/**
 * An event of the application itself, outside the message: it travels through the same log and reaches readers under
 * its own name. The names of terminals and of our dialects' own frames are reserved.
 */
export interface ApplicationEvent {
  readonly event: string;
  readonly data: unknown;
}

/** What an entry of a run's log holds. */
export type RunEvent = ChatEvent | ApplicationEvent;

export function isApplicationEvent(event: RunEvent): event is ApplicationEvent {
  return "event" in event && !("type" in event);
}

export function isTerminal(event: RunEvent): event is TerminalEvent {
  return "type" in event && (event.type === "finish" || event.type === "abort" || event.type === "error");
}
