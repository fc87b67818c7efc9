import { wrongOption } from "../base/options.ts";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { SluiceError } from "../base/errors.ts";
import { randomId } from "../base/id.ts";
import type { ContextEvents } from "./contexts.ts";
import type { Emittable, Envelope, EnvelopeOf, EventDefinition, UnboundEvent } from "./event.ts";
import { validate } from "./schema.ts";

/** What an agent is given for each event that it listens to. */
export interface AgentContext<Trigger = Envelope, Event = UnboundEvent> {
  readonly triggerEvent: Trigger;
  /**
   * Publishes to the agent's channels. Resolves when all who listen have room for it and, where the channel is streamed,
   * the log has it; never waits for a reader, unless the channel says so. It need not be awaited: it keeps its order.
   * What it rejects with (`agents/invalid-event`, `agents/deadlock`, `agents/limit`) ends the run, and nothing else.
   */
  emit(event: Event): PromiseLike<void>;
  /** Fires when the run is stopped, or fails. Hand it to the model's call. */
  readonly signal: AbortSignal;
  /** The run's events up to this one, oldest first: the newest 10,000. */
  readonly runEvents: readonly Envelope[];
  /** These, and the events of earlier runs with the same owner and context. */
  readonly contextEvents: ContextEvents;
}

/** Whoever is told of events. Made by `AgentFactory` and `EventAggregator`, or by hand. */
export interface Agent {
  readonly id: string;
  /** Empty: every event on the channels that it is subscribed to. */
  readonly listensTo: readonly EventDefinition[];
  /** What it may emit. */
  readonly emits: readonly EventDefinition[];
  /**
   * Called for one event after the other on each channel. The run goes on until what it returns has resolved, and ends
   * with an error when it rejects.
   */
  invoke(context: AgentContext): PromiseLike<void> | void;
}

/** An agent in the making. Each step gives a new factory. */
export interface AgentFactory<
  Params = unknown,
  Listens extends EventDefinition = never,
  Emits extends EventDefinition = never,
> {
  readonly eventsListenedTo: readonly EventDefinition[];
  readonly eventsEmitted: readonly EventDefinition[];
  /** What `produce` takes, checked there. The schema checks at once. */
  params<Schema extends StandardSchemaV1>(
    schema: Schema,
  ): AgentFactory<StandardSchemaV1.InferOutput<Schema>, Listens, Emits>;
  /** Which events call it. Said more than once, they add up; never said, all do. */
  listensTo<E extends EventDefinition>(events: readonly E[]): AgentFactory<Params, Listens | E, Emits>;
  emits<E extends EventDefinition>(events: readonly E[]): AgentFactory<Params, Listens, Emits | E>;
  logic(
    run: (context: LogicContext<Params, Listens, Emits>) => PromiseLike<void> | void,
  ): AgentFactory<Params, Listens, Emits>;
  /** @throws SluiceError `option/invalid` without logic, or when the params do not fit */
  produce(...params: unknown extends Params ? [params?: Params] : [params: Params]): Agent;
}

type LogicContext<Params, Listens extends EventDefinition, Emits extends EventDefinition> = AgentContext<
  [Listens] extends [never] ? Envelope : EnvelopeOf<Listens>,
  Emittable<Emits>
> & { readonly params: Params };

export const AgentFactory: {
  /** Begins an agent. */
  run(): AgentFactory;
} = { run: () => factory({ listensTo: [], emits: [] }) };

/** A factory of any kind, as a spawner keeps it. */
export interface AnyAgentFactory {
  readonly eventsListenedTo: readonly EventDefinition[];
  readonly eventsEmitted: readonly EventDefinition[];
  produce(params?: unknown): Agent;
}

interface Parts {
  readonly listensTo: readonly EventDefinition[];
  readonly emits: readonly EventDefinition[];
  readonly params?: StandardSchemaV1;
  readonly logic?: (context: LogicContext<unknown, never, never>) => PromiseLike<void> | void;
}

function factory<Params, Listens extends EventDefinition, Emits extends EventDefinition>(
  parts: Parts,
): AgentFactory<Params, Listens, Emits> {
  return {
    eventsListenedTo: parts.listensTo,
    eventsEmitted: parts.emits,
    params: (schema) => factory({ ...parts, params: schema }),
    listensTo: (events) => factory({ ...parts, listensTo: [...parts.listensTo, ...events] }),
    emits: (events) => factory({ ...parts, emits: [...parts.emits, ...events] }),
    // The plane gives it events of these definitions only.
    logic: (logic) => factory({ ...parts, logic: logic as unknown as NonNullable<Parts["logic"]> }),
    produce: (...given) => produce(parts, given[0]),
  };
}

function produce({ listensTo, emits, params: schema, logic }: Parts, given: unknown): Agent {
  if (!logic) throw wrongOption("logic", "An agent needs logic.");
  const params = schema ? checked(schema, given) : given;
  return {
    id: randomId("agent"),
    listensTo,
    emits,
    // The context is this call's alone. Not spread: `runEvents` and `contextEvents` are made when somebody asks.
    invoke: (context) => logic(Object.assign(context, { params }) as LogicContext<unknown, never, never>),
  };
}

function checked(schema: StandardSchemaV1, value: unknown): unknown {
  const refuse = (why: string, cause: Error): SluiceError =>
    new SluiceError("option/invalid", `What produce was given ${why.replace("payload", "params")}.`, {
      cause,
      details: { field: "params" },
    });
  const params = validate(schema, value, refuse);
  if (!(params instanceof Promise)) return params;
  params.catch(() => {});
  throw wrongOption("params", "The schema of params must check at once.");
}
