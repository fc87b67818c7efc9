import { AgentNetworkEvent } from "sluice/agents";
import { z } from "zod";

/** What a client sends. */
export const requestEvent = AgentNetworkEvent.of("request", z.object({ query: z.string() }));

export const agentResponse = AgentNetworkEvent.of("agent-response", z.object({ text: z.string() }));

export const responseEvent = AgentNetworkEvent.of("response", z.object({ text: z.string(), isFinal: z.boolean() }));
