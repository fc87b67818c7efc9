import type { Agent, AgentFactory } from "./agent.ts";
import { ConfiguredChannel, type Channel, type ChannelOptions } from "./channel.ts";
import { expose } from "./expose.ts";
import type { ExposedAPI, ExposeOptions } from "./exposed.ts";
import { planOf, type NetworkPlan, type Registration } from "./plan.ts";
import { createPlane, type EventPlane, type PlaneOptions } from "./plane.ts";
import { sinks, type Sinks } from "./sinks.ts";
import { ConfiguredSpawner, type Spawner } from "./spawner.ts";

/** Where an agent hears, and where its events go. Each may be said several times. */
export interface AgentBinding {
  subscribe(channel: Channel): AgentBinding;
  publishTo(channel: Channel): AgentBinding;
}

export interface NetworkSetup {
  /** Where runs begin: their first event is published here. */
  readonly mainChannel: Channel;
  /** A channel by its name in kebab-case. The same name gives the same channel. */
  createChannel(name: string, options?: ChannelOptions): Channel;
  readonly sink: Sinks;
  registerAgent(agent: Agent): AgentBinding;
  registerAggregator(aggregator: Agent): AgentBinding;
  /** @param factory m4trix asks for `AgentFactory` here; nothing depends on it */
  spawner(factory?: typeof AgentFactory): Spawner;
}

/** Agents, and the channels between them. It holds no run: each run has queues of its own. */
export interface AgentNetwork {
  /** Makes it an API, whose every request is a run. @throws SluiceError `option/invalid` */
  expose(options: ExposeOptions): ExposedAPI;
  /** A plane to publish to, without HTTP. */
  run(options?: PlaneOptions): EventPlane;
  /** Internal. */
  readonly plan: NetworkPlan;
}

export const AgentNetwork: {
  /**
   * Calls `build` once, at once, and keeps what it has said.
   * @throws SluiceError `option/invalid`
   */
  setup(build: (setup: NetworkSetup) => void): AgentNetwork;
} = { setup };

function setup(build: (setup: NetworkSetup) => void): AgentNetwork {
  const channels = new Map<string, ConfiguredChannel>();
  const registrations: Registration[] = [];
  const spawners: ConfiguredSpawner[] = [];

  function createChannel(name: string, options?: ChannelOptions): ConfiguredChannel {
    const channel = channels.get(name) ?? new ConfiguredChannel(name, options);
    channels.set(name, channel);
    return channel;
  }

  function registerAgent(agent: Agent): AgentBinding {
    const registration = { agent, subscribe: new Set<string>(), publishTo: new Set<string>() };
    registrations.push(registration);
    const binding: AgentBinding = {
      subscribe(channel) {
        registration.subscribe.add(channel.name);
        return binding;
      },
      publishTo(channel) {
        registration.publishTo.add(channel.name);
        return binding;
      },
    };
    return binding;
  }

  const mainChannel = createChannel("main");
  build({
    mainChannel,
    createChannel,
    sink: sinks,
    registerAgent,
    registerAggregator: registerAgent,
    spawner() {
      const spawner = new ConfiguredSpawner();
      spawners.push(spawner);
      return spawner;
    },
  });

  const plan = planOf({ channels: [...channels.values()], registrations, spawners, main: mainChannel.name });
  return {
    plan,
    expose: (options) => expose(plan, options),
    run: (options = {}) => createPlane(plan, options),
  };
}
