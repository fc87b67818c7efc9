export { startFaultProxy } from "./fault-proxy.ts";
export type { Cut, Fault, FaultPlan, FaultProxy, FaultProxyOptions } from "./fault-proxy.ts";
export type { Buffering } from "./held-back.ts";
export { logCases } from "./log-cases.ts";
export type { LogCase, LogCaseContext } from "./log-cases.ts";
export { createManualClock } from "./manual-clock.ts";
export type { ManualClock } from "./manual-clock.ts";
export { mockSSEStream } from "./mock-sse-stream.ts";
export type { MockSSEStream } from "./mock-sse-stream.ts";
export { startOpenAIServer } from "./openai-server.ts";
export type {
  OpenAIScript,
  OpenAIServer,
  OpenAIServerOptions,
  OpenAIServerRequest,
  OpenAIStep,
} from "./openai-server.ts";
export { startRedisCluster, startRedisSentinel, startRedisServer } from "./redis-server.ts";
export type { RedisSentinel, RedisServer, RedisServerOptions, RedisServers } from "./redis-server.ts";
export { scriptedModel } from "./scripted-model.ts";
export type { ModelCall, ModelScript, ModelStep, ScriptedModel, ScriptedModelOptions } from "./scripted-model.ts";
export type { ToolCallStep } from "./scripted-parts.ts";
export type { Spy } from "./spy.ts";
export { tokenStream } from "./token-stream.ts";
export type { TestToken, TokenStreamOptions } from "./token-stream.ts";
