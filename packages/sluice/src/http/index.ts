export { createSluice } from "./sluice.ts";
export type { Sluice, SluiceOptions, StartHere, StartedRun, StreamOptions } from "./sluice.ts";
export { readBody } from "./body.ts";
export { optimalChunkSize } from "./delivery/chunk-size.ts";
export type { Ask, AskMessage } from "./ask.ts";
export { requestOf } from "./node.ts";
export type { NodeRequest, NodeResponse } from "./node.ts";
export { empty, json } from "./reply.ts";
export type { Route, RouteHandler, RoutesOptions } from "./routes.ts";
export type { Answer } from "./start.ts";
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
} from "./types.ts";
export type { Admit, ReaderLimits, Release } from "./limits.ts";
export type { UnwatchedOptions } from "./unwatched.ts";
export type { Logger } from "../base/log.ts";
export { noMeter } from "../base/meter.ts";
export type { Meter } from "../base/meter.ts";
