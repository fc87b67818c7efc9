export { AgentFactory } from "./agent.ts";
export type { Agent, AgentContext, AnyAgentFactory } from "./agent.ts";
export { EventAggregator } from "./aggregator.ts";
export type { Channel, ChannelOptions } from "./channel.ts";
export type { ContextEvents } from "./contexts.ts";
export { AgentNetworkEvent } from "./event.ts";
export type { Emittable, Envelope, EnvelopeOf, EventDefinition, EventMeta, UnboundEvent } from "./event.ts";
export type {
  AuthResult,
  ExposedAPI,
  ExposeOptions,
  ExposeRequest,
  OnRequestContext,
  RequestNames,
} from "./exposed.ts";
export { ExpressEndpoint } from "./express-endpoint.ts";
export type { ExpressEndpointOptions } from "./express-endpoint.ts";
export { AgentNetwork } from "./network.ts";
export type { AgentBinding, NetworkSetup } from "./network.ts";
export { NextEndpoint } from "./next-endpoint.ts";
export type { NextEndpointOptions } from "./next-endpoint.ts";
export type { EventPlane, PlaneOptions } from "./plane.ts";
export type { RedisStreamOptions } from "./redis-stream.ts";
export type { HttpStreamSink, Sink, SinkContext } from "./sink.ts";
export type { HttpStreamOptions, Sinks } from "./sinks.ts";
export type { Bindings, SpawnContext, Spawner, SpawnPayload } from "./spawner.ts";
export type { SocketLike } from "./web-socket.ts";
