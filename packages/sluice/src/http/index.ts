export { createSluice } from "./sluice.ts";
export type { Sluice, SluiceOptions, StartHere, StartedRun } from "./sluice.ts";
export { readBody } from "./body.ts";
export { compressChunk } from "./compress/chunk.ts";
export type { CompressedChunk } from "./compress/chunk.ts";
export { optimalChunkSize } from "./delivery/chunk-size.ts";
export type { Ask, AskMessage } from "./ask.ts";
export type { AskFile } from "./ask-files.ts";
export { requestOf } from "./node.ts";
export { toNodeHandler } from "./node-handler.ts";
export type { NodeHandlerOptions, WebHandler } from "./node-handler.ts";
export type { NodeRequest, NodeResponse } from "./node.ts";
export { empty, json } from "./reply.ts";
export type { Route, RouteHandler, RoutesOptions } from "./routes.ts";
export type { Answer } from "./start.ts";
export { ownTopic } from "./topics.ts";
export type { AuthorizeTopic, ReadTopic, RouteStreams, TopicAccess, TopicAction, TopicsOptions } from "./topics.ts";
export type {
  Action,
  Authorize,
  BodyText,
  BodyValue,
  Call,
  Caller,
  EventStream,
  ReaderOutcome,
  Reply,
  RequestLike,
  ResumeOptions,
  StreamOptions,
} from "./types.ts";
export { streamResponse } from "./stream/response.ts";
export type { ChunkContext, ChunkInput } from "./stream/response.ts";
export type { StreamResponseOptions } from "./stream/options.ts";
export type { ChunkSource, Transform } from "./stream/updates.ts";
export type { OnDisconnect } from "./stream/body.ts";
export type { StreamRate, StreamSummary } from "./stream/monitor.ts";
export { createStreamLimit } from "./stream/limit.ts";
export type { Admit, ReaderLimits, Release } from "./limits.ts";
export type { UnwatchedOptions } from "./unwatched.ts";
export type { Logger } from "../base/log.ts";
export { noMeter } from "../base/meter.ts";
export type { Meter } from "../base/meter.ts";
export type { Observer, ReaderObserver, RunObserver, SeenProgress, SeenReader, SeenRun } from "../base/observer.ts";
