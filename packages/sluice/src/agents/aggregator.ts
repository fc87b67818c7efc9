import { randomId } from "../base/id.ts";
import type { Agent, AgentContext } from "./agent.ts";
import type { Emittable, EnvelopeOf, EventDefinition } from "./event.ts";

type Watching<Listens extends EventDefinition> = Omit<AgentContext<EnvelopeOf<Listens>>, "emit">;

/** Watches events and emits where they add up to something. Each step gives a new aggregator. */
export interface EventAggregator<Listens extends EventDefinition = never, Emits extends EventDefinition = never> {
  emits<E extends EventDefinition>(events: readonly E[]): EventAggregator<Listens, Emits | E>;
  /** Asked at each event, with the run's events up to it. Default: always. */
  emitWhen(ready: (context: Watching<Listens>) => boolean | Promise<boolean>): EventAggregator<Listens, Emits>;
  /** What to emit then. The last step. */
  mapToEmit(map: (context: AgentContext<EnvelopeOf<Listens>, Emittable<Emits>>) => PromiseLike<void> | void): Agent;
}

export const EventAggregator: {
  listensTo<E extends EventDefinition>(events: readonly E[]): EventAggregator<E>;
} = { listensTo: (events) => aggregator({ listensTo: events, emits: [] }) };

interface Parts<Listens extends EventDefinition> {
  readonly listensTo: readonly EventDefinition[];
  readonly emits: readonly EventDefinition[];
  readonly ready?: (context: Watching<Listens>) => boolean | Promise<boolean>;
}

function aggregator<Listens extends EventDefinition, Emits extends EventDefinition>(
  parts: Parts<Listens>,
): EventAggregator<Listens, Emits> {
  return {
    emits: (events) => aggregator({ ...parts, emits: [...parts.emits, ...events] }),
    emitWhen: (ready) => aggregator({ ...parts, ready }),
    mapToEmit(map) {
      const { listensTo, emits, ready } = parts;
      return {
        id: randomId("aggregator"),
        listensTo,
        emits,
        async invoke(given) {
          // The plane gives it events of these definitions only.
          const context = given as unknown as AgentContext<EnvelopeOf<Listens>, Emittable<Emits>>;
          if (!ready || (await ready(context))) await map(context);
        },
      };
    },
  };
}
