export { isApplicationEvent, isTerminal } from "./events.ts";
export type {
  AbortEvent,
  ApplicationEvent,
  ChatEvent,
  DataEvent,
  ErrorEvent,
  FileEvent,
  FinishEvent,
  FinishReason,
  MetadataEvent,
  ReasoningEvent,
  RunEvent,
  SourceEvent,
  StartEvent,
  StepEvent,
  TerminalEvent,
  TextEvent,
  ToolEvent,
  Usage,
} from "./events.ts";
export type { Message, MessagePart, PartState, ToolPart } from "./message.ts";
export { parseRunEvent } from "./check.ts";
export { createOrder } from "./order.ts";
export type { Order } from "./order.ts";
export { createFold, fold, textOf } from "./fold.ts";
export type { Fold } from "./fold.ts";
export { mergeEvents, mergeRun } from "./merge.ts";
