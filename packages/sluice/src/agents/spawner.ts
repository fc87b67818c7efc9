import type { Agent, AnyAgentFactory } from "./agent.ts";
import { isObject } from "../base/json.ts";
import { invalidEvent, type Envelope, type EventDefinition } from "./event.ts";
import type { Channel } from "./channel.ts";

/** Names of channels. */
export interface Bindings {
  readonly subscribe?: readonly string[];
  readonly publishTo?: readonly string[];
}

/** The payload of an event that spawns, as its schema has to give it. */
export interface SpawnPayload extends Bindings {
  /** Which factory of the registry. */
  readonly kind: string;
  /** An id that the run has already spawned is not spawned again. */
  readonly id?: string;
  readonly params?: unknown;
}

export interface SpawnContext {
  readonly kind: string;
  readonly factory: AnyAgentFactory;
  readonly payload: SpawnPayload;
  /** Adds an agent to the run, on the channels given, or those of the payload, or the default ones. */
  spawn(agent: Agent, bindings?: Bindings): void;
}

/**
 * Makes agents while a run goes on: at each event it listens to, one of the kind that the payload names. It belongs to
 * the run, is told of what is published after that event, and goes with the run. A run may have 1,000.
 */
export interface Spawner {
  /** Where, and at which event. Its payload holds `{kind, id?, params?, subscribe?, publishTo?}`. */
  listen(channel: Channel, event: EventDefinition): Spawner;
  registry(factories: Readonly<Record<string, AnyAgentFactory>>): Spawner;
  /** The channels of a kind, where the payload names none. Default: subscribed to the channel listened to. */
  defaultBinding(bind: (context: { readonly kind: string }) => Bindings): Spawner;
  /** Default: what the factory produces from `params` is spawned. An agent that is returned is spawned too. */
  onSpawn(spawn: (context: SpawnContext) => Agent | void | Promise<Agent | void>): Spawner;
}

/** Puts an agent on channels. The id is the payload's, of the first agent that an event spawns. */
export type Add = (agent: Agent, id: string | undefined, bindings: Required<Bindings>) => void;

export class ConfiguredSpawner implements Spawner {
  channel: Channel | undefined;
  event: EventDefinition | undefined;
  factories: ReadonlyMap<string, AnyAgentFactory> = new Map();
  #bind: ((context: { readonly kind: string }) => Bindings) | undefined;
  #onSpawn: (context: SpawnContext) => Agent | void | Promise<Agent | void> = ({ factory, payload }) =>
    factory.produce(payload.params);

  listen(channel: Channel, event: EventDefinition): this {
    this.channel = channel;
    this.event = event;
    return this;
  }

  registry(factories: Readonly<Record<string, AnyAgentFactory>>): this {
    this.factories = new Map(Object.entries(factories));
    return this;
  }

  defaultBinding(bind: (context: { readonly kind: string }) => Bindings): this {
    this.#bind = bind;
    return this;
  }

  onSpawn(spawn: (context: SpawnContext) => Agent | void | Promise<Agent | void>): this {
    this.#onSpawn = spawn;
    return this;
  }

  /**
   * @throws SluiceError `agents/invalid-event`; what factory, bindings and `onSpawn` throw
   */
  async handle(event: Envelope, add: Add): Promise<void> {
    const payload = payloadOf(event);
    const { kind } = payload;
    const factory = this.factories.get(kind);
    if (!factory) throw invalidEvent(event.name, `names a kind that is not registered: ${kind.slice(0, 64)}`);
    const spawned = new Set<Agent>();
    const spawn = (agent: Agent, given: Bindings = {}): void => {
      if (spawned.has(agent)) return;
      spawned.add(agent);
      const usual = this.#bind?.({ kind }) ?? { subscribe: this.channel ? [this.channel.name] : [] };
      const subscribe = given.subscribe ?? payload.subscribe ?? usual.subscribe ?? [];
      const publishTo = given.publishTo ?? payload.publishTo ?? usual.publishTo ?? [];
      add(agent, spawned.size === 1 ? payload.id : undefined, { subscribe, publishTo });
    };
    const agent = await this.#onSpawn({ kind, factory, payload, spawn });
    if (agent) spawn(agent);
  }
}

function payloadOf(event: Envelope): SpawnPayload {
  const { payload } = event;
  if (!isObject(payload) || typeof payload["kind"] !== "string")
    throw invalidEvent(event.name, "spawns, and names no kind");
  const { kind, id, subscribe, publishTo, params } = payload;
  if (!isNames(subscribe) || !isNames(publishTo)) throw invalidEvent(event.name, "does not name its channels in lists");
  return {
    kind,
    params,
    ...(typeof id === "string" ? { id } : {}),
    ...(subscribe ? { subscribe } : {}),
    ...(publishTo ? { publishTo } : {}),
  };
}

function isNames(value: unknown): value is readonly string[] | undefined {
  return value === undefined || (Array.isArray(value) && value.every((name) => typeof name === "string"));
}
