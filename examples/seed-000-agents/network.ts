import { AgentFactory, AgentNetwork, type Agent, type ExposedAPI } from "sluice/agents";
import { agentResponse, requestEvent } from "./events.ts";

export const greeter = AgentFactory.run()
  .listensTo([requestEvent])
  .emits([agentResponse])
  .logic(async ({ emit }) => {
    emit({ name: "agent-response", payload: { text: "Hello" } });
    emit({ name: "agent-response", payload: { text: " World" } });
  })
  .produce({});

/** What is published to `client` is streamed as SSE. */
export function expose(agent: Agent): ExposedAPI {
  const network = AgentNetwork.setup(({ mainChannel, createChannel, sink, registerAgent }) => {
    const client = createChannel("client").sink(sink.httpStream());
    registerAgent(agent).subscribe(mainChannel).publishTo(client);
  });
  return network.expose({ protocol: "sse", select: { channels: "client" } });
}
