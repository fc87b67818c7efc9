import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { AgentFactory, AgentNetwork, AgentNetworkEvent, type Agent, type Envelope } from "../../src/agents/index.ts";
import { parseEvents, type ParsedEvent } from "../../src/sse/index.ts";

export const Question = AgentNetworkEvent.of("request", z.object({ query: z.string() }));
export const Reply = AgentNetworkEvent.of("agent-response", z.object({ text: z.string() }));

/** Listens on main, answers on `client`, which is streamed. */
export function networkOf(agent: Agent): AgentNetwork {
  return AgentNetwork.setup(({ mainChannel, createChannel, sink, registerAgent }) => {
    const client = createChannel("client").sink(sink.httpStream());
    registerAgent(agent).subscribe(mainChannel).publishTo(client);
  });
}

/** Says `Hello` and ` World`, as the document's agent does. */
export const greeter: Agent = AgentFactory.run()
  .listensTo([Question])
  .emits([Reply])
  .logic(async ({ emit }) => {
    await emit(Reply.make({ text: "Hello" }));
    await emit(Reply.make({ text: " World" }));
  })
  .produce();

export async function eventsOf(response: Response): Promise<readonly ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  if (response.body === null) return events;
  for await (const event of parseEvents(response.body)) events.push(event);
  return events;
}

/** Of the application's events: `name payload`. */
export function told(events: readonly ParsedEvent[]): readonly string[] {
  return events
    .map(({ event, data }) => ({ event, envelope: JSON.parse(data) as Envelope }))
    .filter(({ event }) => event !== "start")
    .map(({ event, envelope }) => `${event} ${JSON.stringify(envelope.payload)}`);
}

export async function listen(
  server: Server | ((...args: never[]) => void),
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const http = typeof server === "function" ? createServer(server as never) : server;
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await turn();
}

/** Turns of the event loop until something is so; the test's time limit ends one that never is. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

/** Resolved, rejected or neither, after some turns. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  let state: "pending" | "resolved" | "rejected" = "pending";
  promise.then(
    () => (state = "resolved"),
    () => (state = "rejected"),
  );
  await turns(10);
  return state;
}
