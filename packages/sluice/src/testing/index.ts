export { startFaultProxy } from "./fault-proxy.ts";
export type { Cut, Fault, FaultPlan, FaultProxy, FaultProxyOptions } from "./fault-proxy.ts";
export { logCases } from "./log-cases.ts";
export type { LogCase, LogCaseContext } from "./log-cases.ts";
export { createManualClock } from "./manual-clock.ts";
export type { ManualClock } from "./manual-clock.ts";
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
export { tokenStream } from "./token-stream.ts";
export type { TestToken, TokenStreamOptions } from "./token-stream.ts";
