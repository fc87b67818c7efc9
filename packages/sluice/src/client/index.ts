export { createChat } from "./chat/chat.ts";
export type {
  AskOptions,
  Chat,
  ChatAnswer,
  ChatConnection,
  ChatError,
  ChatFile,
  ChatInput,
  ChatMessage,
  ChatOptions,
  ChatPage,
  ChatQuestion,
  ChatSnapshot,
  ChatStorage,
  Tabs,
} from "./chat/types.ts";
export { createSocketConversation } from "./socket-conversation.ts";
export type {
  SocketConfig,
  SocketConversation,
  SocketConversationClientOptions,
  SocketConversationState,
  TalkOptions,
  Transcript,
} from "./socket-types.ts";
export type { PlayOptions, Player, RecordOptions, Recorder, UpstreamMode, VoiceAudio } from "./socket-audio.ts";
export type { SocketConnectionState } from "./socket-connection.ts";
export type { AudioFormat, Control } from "./socket-messages.ts";
export type { VoiceAgentState } from "./socket-state.ts";
export { createChunkParser } from "./chunk-parser.ts";
export type { ChunkParser, FinalAnswer } from "./chunk-parser.ts";
export { EventSource } from "./event-source.ts";
export type { EventSourceErrorEvent, EventSourceEvents, EventSourceInit } from "./event-source.ts";
export { readMessage } from "./message.ts";
export { parsePartialJson } from "./partial-json.ts";
export type { PartialJson } from "./partial-json.ts";
export { openEventStream } from "./reader.ts";
export { stopRun } from "./stop.ts";
export type { StoppedRun, StopRunOptions } from "./stop.ts";
export type { BackoffOptions, EventStreamOptions, EventStreamReader, StreamEvent, StreamState } from "./types.ts";
export type { WakeSource } from "./wake.ts";
