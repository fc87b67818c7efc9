export { AbstractGraphBuilder } from "./builder.ts";
export type { BuildGraph, BuiltGraph, GraphBuilder, GraphConfig, GraphConfigurable, GraphPayload } from "./builder.ts";
export { createMemoryCallbacks } from "./callback-memory.ts";
export type { MemoryCallbacksOptions } from "./callback-memory.ts";
export type { CallbackStore, Taken } from "./callback-store.ts";
export type {
  CallbackAction,
  CallbackHandler,
  Callbacks,
  CallbacksOptions,
  IssueCallback,
  IssuedFor,
  NewCallback,
} from "./callbacks.ts";
export type { CompiledGraph } from "./compiled.ts";
export { createGraphs } from "./graphs.ts";
export type { Graph, Graphs, GraphsOptions } from "./graphs.ts";
export { createRegistry } from "./registry.ts";
export type { Registry, Versioned } from "./registry.ts";
