export { createChunkParser } from "./chunk-parser.ts";
export type { ChunkParser, FinalAnswer } from "./chunk-parser.ts";
export { readMessage } from "./message.ts";
export { openEventStream } from "./reader.ts";
export { stopRun } from "./stop.ts";
export type { StoppedRun, StopRunOptions } from "./stop.ts";
export type { EventStreamOptions, EventStreamReader, StreamEvent, StreamState } from "./types.ts";
export type { WakeSource } from "./wake.ts";
