import { wrongOption } from "../base/options.ts";
import { SluiceError } from "../base/errors.ts";
import type { Agent } from "./agent.ts";
import type { ConfiguredChannel } from "./channel.ts";
import type { EventDefinition } from "./event.ts";
import { isHttpStream, type HttpStreamSink, type Sink } from "./sink.ts";
import type { ConfiguredSpawner } from "./spawner.ts";

/** What `setup` was told, fixed. */
export interface NetworkPlan {
  readonly main: ChannelPlan;
  readonly channels: ReadonlyMap<string, ChannelPlan>;
  /** The one definition of each name. */
  readonly events: ReadonlyMap<string, EventDefinition>;
}

export interface ChannelPlan {
  readonly name: string;
  readonly capacity: number;
  /** undefined: everything. */
  readonly carries: ReadonlySet<string> | undefined;
  readonly agents: readonly AgentPlan[];
  readonly sinks: readonly Sink[];
  readonly httpStream: HttpStreamSink | undefined;
  readonly spawners: readonly ConfiguredSpawner[];
}

/** An agent where it is subscribed. */
export interface AgentPlan {
  readonly agent: Agent;
  /** undefined: every event. */
  readonly listensTo: ReadonlySet<string> | undefined;
  readonly publishTo: readonly ChannelPlan[];
}

export interface Registration {
  readonly agent: Agent;
  readonly subscribe: ReadonlySet<string>;
  readonly publishTo: ReadonlySet<string>;
}

interface Said {
  readonly channels: readonly ConfiguredChannel[];
  readonly registrations: readonly Registration[];
  readonly spawners: readonly ConfiguredSpawner[];
  readonly main: string;
}

/** @throws SluiceError `option/invalid` */
export function planOf({ channels: said, registrations, spawners, main }: Said): NetworkPlan {
  const agents = new Map<string, AgentPlan[]>(said.map(({ name }) => [name, []]));
  const channels = new Map(said.map((channel) => [channel.name, channelPlan(channel, agents, spawners)]));
  for (const { agent, subscribe, publishTo } of registrations) {
    const plan = agentPlan(channels, agent, publishTo);
    for (const name of subscribe) listOf(agents, name).push(plan);
  }
  return { main: channelOf(channels, main), channels, events: definitions(said, registrations, spawners) };
}

/** @throws SluiceError `option/invalid` for a channel that is not there */
export function agentPlan(
  channels: ReadonlyMap<string, ChannelPlan>,
  agent: Agent,
  publishTo: Iterable<string>,
): AgentPlan {
  return {
    agent,
    listensTo: namesOf(agent.listensTo.length === 0 ? undefined : agent.listensTo),
    publishTo: Array.from(new Set(publishTo), (name) => channelOf(channels, name)),
  };
}

/** @throws SluiceError `option/invalid` */
export function channelOf(channels: ReadonlyMap<string, ChannelPlan>, name: string): ChannelPlan {
  const channel = channels.get(name);
  if (channel) return channel;
  throw new SluiceError(
    "option/invalid",
    `There is no channel ${name}; there are ${[...channels.keys()].join(", ")}.`,
    {
      details: { field: "channel", allowed: [...channels.keys()] },
    },
  );
}

function channelPlan(
  channel: ConfiguredChannel,
  agents: ReadonlyMap<string, AgentPlan[]>,
  spawners: readonly ConfiguredSpawner[],
): ChannelPlan {
  const { name, capacity, carries, sinkList } = channel;
  return {
    name,
    capacity,
    carries: namesOf(carries),
    agents: listOf(agents, name),
    sinks: sinkList.filter((sink): sink is Sink => !isHttpStream(sink)),
    httpStream: sinkList.find(isHttpStream),
    spawners: spawners.filter((spawner) => spawner.channel?.name === name),
  };
}

function listOf(agents: ReadonlyMap<string, AgentPlan[]>, name: string): AgentPlan[] {
  const list = agents.get(name);
  if (!list) throw new SluiceError("option/invalid", `The channel ${name} is of another network.`);
  return list;
}

function namesOf(definitions: readonly EventDefinition[] | undefined): ReadonlySet<string> | undefined {
  return definitions && new Set(definitions.map(({ name }) => name));
}

// A name with two schemas would mean one thing to who emits and another to who listens.
function definitions(
  channels: readonly ConfiguredChannel[],
  registrations: readonly Registration[],
  spawners: readonly ConfiguredSpawner[],
): ReadonlyMap<string, EventDefinition> {
  const events = new Map<string, EventDefinition>();
  const all = [
    ...channels.flatMap(({ carries }) => carries ?? []),
    ...registrations.flatMap(({ agent }) => [...agent.listensTo, ...agent.emits]),
    ...spawners.flatMap(({ event, factories }) => [
      ...(event ? [event] : []),
      ...[...factories.values()].flatMap((made) => [...made.eventsListenedTo, ...made.eventsEmitted]),
    ]),
  ];
  for (const definition of all) {
    const known = events.get(definition.name) ?? definition;
    if (known !== definition) {
      throw wrongOption("name", `The event ${definition.name} is defined twice in this network.`);
    }
    events.set(definition.name, definition);
  }
  for (const { channel, event } of spawners) {
    if (!channel || !event) throw new SluiceError("option/invalid", "A spawner needs `listen(channel, event)`.");
  }
  return events;
}
