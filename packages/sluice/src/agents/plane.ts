import { SluiceError } from "../base/errors.ts";
import type { Channel } from "./channel.ts";
import { createContexts, type ContextEvents } from "./contexts.ts";
import { isEnvelope, invalidEvent, type Envelope } from "./event.ts";
import { Execution, type ExecutionOptions } from "./execution.ts";
import { Outbox } from "./outbox.ts";
import { channelOf, type ChannelPlan, type NetworkPlan } from "./plan.ts";

export interface PlaneOptions {
  /**
   * Events of ended runs that are kept for later runs of the same context, of all contexts together; one of more than a
   * KiB counts once for each. Beyond, the context that was not asked for longest loses its oldest run. Default 100,000;
   * they are kept in memory.
   */
  readonly maxContextEvents?: number;
}

/** Of which network it is. Internal. */
export const PLAN: unique symbol = Symbol("plan");
/** Begins a run. Internal. */
export const BEGIN: unique symbol = Symbol("begin");

/**
 * Runs of a network, any number at a time. Each has queues and agents' calls of its own: what is published belongs to
 * the run that its `meta.runId` names, and reaches nobody of another run.
 */
export interface EventPlane {
  /**
   * Begins the run of this id with the event, or adds the event to it. Resolves when all who listen have room.
   * @throws SluiceError `agents/*`, `option/invalid` for a channel that is not there, `run/draining` after `shutdown`
   */
  publish(channel: Channel | string, event: Envelope): Promise<void>;
  publishToChannels(channels: readonly (Channel | string)[], event: Envelope): Promise<void>;
  /**
   * What is published to a channel in one run, from now on until the run is over; call it before the first `publish` to
   * miss nothing. It counts as somebody who listens: while it is not pulled, `emit` waits. What ends the run with an
   * error is thrown. For a run that does not come, it waits until it is left.
   */
  subscribe(channel: Channel | string, options: { readonly runId: string }): AsyncIterableIterator<Envelope>;
  /** Resolves when the run is over; at once for one that is not there. @throws what it failed with */
  ended(runId: string): Promise<void>;
  /** Ends a run: its agents' signal fires. */
  stop(runId: string, reason?: unknown): void;
  /** The events so far of a run that goes on. */
  getRunEvents(runId: string): readonly Envelope[];
  /** The events of ended runs of a context, of those that were begun by `publish`. */
  getContextEvents(contextId: string): ContextEvents;
  /** Ends all runs; no new ones. */
  shutdown(): Promise<void>;
  /** Runs that go on. */
  readonly running: number;
  readonly [PLAN]: NetworkPlan;
  [BEGIN](options: Omit<ExecutionOptions, "contexts">): Execution;
}

const MAX_CONTEXT_EVENTS = 100_000;

export function createPlane(plan: NetworkPlan, { maxContextEvents = MAX_CONTEXT_EVENTS }: PlaneOptions): EventPlane {
  const contexts = createContexts(maxContextEvents);
  const runs = new Map<string, Execution>();
  const taps = new Map<string, Set<Tap>>();
  let down = false;

  function begin(options: Omit<ExecutionOptions, "contexts">): Execution {
    const { runId } = options.meta;
    if (down) throw new SluiceError("run/draining", "This plane is shut down.");
    if (runs.has(runId)) throw new SluiceError("option/invalid", "The run of this id goes on already.");
    const deliver = (channel: ChannelPlan, event: Envelope): Promise<void> | undefined => {
      const tapped = taps.get(runId);
      if (!tapped) return options.deliver?.(channel, event);
      const waits = Array.from(tapped, (tap) => (tap.channel === channel.name ? tap.outbox.put(event) : undefined));
      return Promise.all([...waits, options.deliver?.(channel, event)]).then(() => {});
    };
    const run = new Execution(plan, { ...options, contexts, deliver });
    runs.set(runId, run);
    const over = (failure?: { readonly error: unknown }): void => {
      runs.delete(runId);
      for (const { outbox } of taps.get(runId) ?? []) outbox.end(failure);
      taps.delete(runId);
    };
    run.ended.then(
      () => over(),
      (error: unknown) => over({ error }),
    );
    return run;
  }

  async function publish(channels: readonly (Channel | string)[], event: Envelope): Promise<void> {
    const names = new Set(channels.map((channel) => channelOf(plan.channels, nameOf(channel)).name));
    if (!isEnvelope(event)) throw invalidEvent("", "has no name, or no meta.runId");
    const { runId, contextId } = event.meta;
    const contextKey = typeof contextId === "string" ? keyOf(contextId) : undefined;
    const run = runs.get(runId) ?? begin({ meta: { ...event.meta, contextId: contextId ?? runId }, contextKey });
    await run.publish([...names], event);
  }

  function subscribe(channel: string, runId: string): AsyncIterableIterator<Envelope> {
    const tapped = taps.get(runId) ?? new Set<Tap>();
    const outbox: Outbox<Envelope> = new Outbox(() => {
      tapped.delete(tap);
      if (tapped.size === 0 && taps.get(runId) === tapped) taps.delete(runId);
      outbox.drop();
    });
    const tap: Tap = { channel, outbox };
    taps.set(runId, tapped.add(tap));
    return outbox;
  }

  return {
    publish: (channel, event) => publish([channel], event),
    publishToChannels: publish,
    subscribe: (channel, { runId }) => subscribe(channelOf(plan.channels, nameOf(channel)).name, runId),
    ended: async (runId) => runs.get(runId)?.ended,
    stop: (runId, reason = stopped()) => runs.get(runId)?.fail(reason),
    getRunEvents: (runId) => runs.get(runId)?.events ?? [],
    getContextEvents: (contextId) => contexts.read(keyOf(contextId)),
    async shutdown() {
      down = true;
      const all = [...runs.values()];
      for (const run of all) run.fail(stopped());
      await Promise.allSettled(all.map(({ ended }) => ended));
    },
    get running() {
      return runs.size;
    },
    [PLAN]: plan,
    [BEGIN]: begin,
  };
}

interface Tap {
  readonly channel: string;
  readonly outbox: Outbox<Envelope>;
}

function nameOf(channel: Channel | string): string {
  return typeof channel === "string" ? channel : channel.name;
}

// Contexts of exposed runs have an owner before them.
function keyOf(contextId: string): string {
  return JSON.stringify([contextId]);
}

function stopped(): DOMException {
  return new DOMException("The run was stopped.", "AbortError");
}
