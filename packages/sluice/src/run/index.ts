export { createConversations } from "./conversations.ts";
export type {
  Conversation,
  ConversationMessage,
  ConversationPage,
  Conversations,
  ConversationsOptions,
} from "./conversations.ts";
export type { KeptFile, Turn } from "./transcript.ts";
export { noMeter } from "../base/meter.ts";
export type { Meter } from "../base/meter.ts";
export type { Observer, ReaderObserver, RunObserver, SeenProgress, SeenReader, SeenRun } from "../base/observer.ts";
export { createRuns } from "./runs.ts";
export type { Opened, RunPage, Runs, RunsOptions, Started } from "./runs.ts";
export type { OpenRun } from "./open.ts";
export type { Outcome } from "./outcome.ts";
export { toRunEvents } from "./source.ts";
export type { RunSource } from "./source.ts";
export type { RunInput, RunLimits, RunState, RunStatus, SourceContext, StartRun } from "./types.ts";
export { createWriter } from "./writer.ts";
export type { RunWriter, WriterOptions } from "./writer.ts";
