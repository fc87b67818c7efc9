import { z } from "zod";
import {
  AgentFactory,
  AgentNetwork,
  AgentNetworkEvent,
  type Agent,
  type Envelope,
  type EventDefinition,
  type EventPlane,
  type NetworkSetup,
} from "../../src/agents/index.ts";

export const Start = AgentNetworkEvent.of("start-work", z.number());
export const Step = AgentNetworkEvent.of("step", z.number());
export const Done = AgentNetworkEvent.of("done-work", z.number());

export const meta = (runId = "one", contextId = "here") => ({ runId, contextId });

export interface Ran {
  readonly plane: EventPlane;
  readonly seen: readonly Envelope[];
}

/** Runs a network to its end and gives what was published to `out`. */
export async function run(build: (setup: NetworkSetup) => void, ...starts: readonly number[]): Promise<Ran> {
  const seen: Envelope[] = [];
  const network = AgentNetwork.setup((setup) => {
    setup.createChannel("out").sink(setup.sink.callback((event) => void seen.push(event)));
    build(setup);
  });
  const plane = network.run();
  const published = Promise.all(
    (starts.length > 0 ? starts : [0]).map((n) => plane.publish("main", Start.makeBound(meta(), n))),
  );
  const ended = plane.ended("one");
  await published;
  await ended;
  return { plane, seen };
}

export const names = (events: readonly Envelope[]): readonly string[] =>
  events.map(({ name, payload }) => `${name} ${String(payload)}`);

/** An agent that answers each event with others. */
export function answering(
  listens: EventDefinition,
  emits: EventDefinition,
  map: (n: number) => readonly number[],
): Agent {
  return AgentFactory.run()
    .listensTo([listens])
    .emits([emits])
    .logic(async ({ triggerEvent, emit }) => {
      for (const payload of map(triggerEvent.payload as number)) await emit({ name: emits.name, payload });
    })
    .produce();
}
