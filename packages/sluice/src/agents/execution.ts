import { SluiceError } from "../base/errors.ts";
import type { Agent } from "./agent.ts";
import type { ContextEvents, Contexts } from "./contexts.ts";
import { BIND, invalidEvent, type Envelope, type EventMeta, type UnboundEvent } from "./event.ts";
import { History } from "./history.ts";
import { invoke, type Emitter } from "./invocation.ts";
import { agentPlan, channelOf, type AgentPlan, type ChannelPlan, type NetworkPlan } from "./plan.ts";
import type { MaybePromise } from "./schema.ts";
import type { Sink, SinkContext } from "./sink.ts";
import type { Add } from "./spawner.ts";
import { Subscription, type Item } from "./subscription.ts";

export interface ExecutionOptions {
  readonly meta: EventMeta;
  /** Ends the run with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each event on each channel; whoever emits waits for what it returns. */
  readonly deliver?: ((channel: ChannelPlan, event: Envelope) => Promise<void> | undefined) | undefined;
  readonly contexts: Contexts;
  /** Under which its events are kept for later runs. */
  readonly contextKey?: string | undefined;
}

const MAX_SPAWNED = 1_000;
// Agents that answer each other at once would otherwise keep the process from all else, a stop included.
const EVENTS_A_TURN = 1_024;

/**
 * One run of a network: its queues and its agents' calls, and nothing of any other run. It is over when nothing waits in
 * it and nobody works for it, or when something in it fails.
 */
export class Execution {
  /** Resolves when all is done; rejects with what went wrong first, or with the signal's reason. */
  readonly ended: Promise<void>;
  readonly #plan: NetworkPlan;
  readonly #options: ExecutionOptions;
  readonly #controller = new AbortController();
  readonly #history = new History();
  /** By channel, made at the first event. A list is never changed: a new one takes its place. */
  readonly #subscriptions = new Map<string, readonly Subscription[]>();
  readonly #spawned = new Set<string>();
  readonly #sinks = new Map<SinkContext, Sink>();
  #active = 0;
  #sinceTurn = 0;
  #over = false;
  #settle: (error?: { readonly error: unknown }) => void = () => {};

  constructor(plan: NetworkPlan, options: ExecutionOptions) {
    this.#plan = plan;
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = (failure) => (failure ? reject(failure.error) : resolve());
    });
    this.ended.catch(() => {}); // whoever waits for it sees it; nobody has to
    const { signal } = options;
    if (signal?.aborted) this.fail(signal.reason);
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** One for all agents of the run. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get events(): readonly Envelope[] {
    return this.#history.all;
  }

  eventsUntil(number: number): readonly Envelope[] {
    return this.#history.until(number);
  }

  contextEvents(own: readonly Envelope[]): ContextEvents {
    const { contexts, contextKey, meta } = this.#options;
    return contexts.read(contextKey, [meta.runId, own]);
  }

  /** Somebody works for the run: it is not over before they `leave`. */
  enter(): void {
    this.#active += 1;
  }

  leave(): void {
    this.#active -= 1;
    if (this.#active === 0) this.#end();
  }

  /** Ends the run, unless it is over. Whoever waits in it is let go, with the same error. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller.abort(error);
    for (const subscriptions of this.#subscriptions.values()) for (const one of subscriptions) one.clear(error);
    void this.#close({ error });
  }

  /** @throws what ended the run; `run/ended` for one that ended well */
  throwIfOver(): void {
    if (!this.#over) return;
    this.signal.throwIfAborted();
    throw new SluiceError("run/ended", "The run is over: agents emit before their logic resolves.");
  }

  /** An event from outside, that begins the run or joins it. */
  async publish(channels: readonly string[], event: UnboundEvent): Promise<void> {
    this.enter();
    try {
      await this.emit(
        event,
        channels.map((name) => channelOf(this.#plan.channels, name)),
      );
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.leave();
    }
  }

  /**
   * Checks an event and gives it to all who listen. undefined: they have it; else what resolves when they do. Nothing is
   * awaited where there is room: most events are passed on within the call.
   */
  emit(event: UnboundEvent, channels: readonly ChannelPlan[], by?: Emitter): Promise<void> | undefined {
    this.throwIfOver();
    this.#sinceTurn += 1;
    if (this.#sinceTurn > EVENTS_A_TURN) return this.#emitLater(event, channels, by);
    const bound = this.#bind(event, by?.agent);
    return bound instanceof Promise
      ? bound.then((checked) => this.#pass(checked, channels, by?.at))
      : this.#pass(bound, channels, by?.at);
  }

  async #emitLater(event: UnboundEvent, channels: readonly ChannelPlan[], by: Emitter | undefined): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceTurn = 0;
    await this.emit(event, channels, by);
  }

  #bind(event: UnboundEvent, agent: Agent | undefined): MaybePromise<Envelope> {
    const { name, payload } = event;
    const { meta } = this.#options;
    const own = agent?.emits.find((definition) => definition.name === name);
    if (agent && !own && agent.emits.length > 0) throw invalidEvent(name, "is not among those that its agent emits");
    const definition = own ?? this.#plan.events.get(name);
    return definition ? definition[BIND](event, meta) : Object.freeze({ name, meta, payload });
  }

  #pass(event: Envelope, channels: readonly ChannelPlan[], at: Subscription | undefined): Promise<void> | undefined {
    this.throwIfOver();
    const item: Item = { event, number: this.#history.add(event) };
    let carried = channels.length === 0;
    let waits: Waits;
    for (const channel of channels) {
      if (channel.carries && !channel.carries.has(event.name)) continue;
      carried = true;
      waits = this.#put(channel, item, at, waits);
    }
    if (!carried)
      throw invalidEvent(event.name, `is carried by none of ${channels.map(({ name }) => name).join(", ")}`);
    return waits && (waits.length === 1 ? waits[0] : Promise.all(waits).then(() => {}));
  }

  /** Adds what is to be waited for. */
  #put(channel: ChannelPlan, item: Item, at: Subscription | undefined, before: Waits): Waits {
    let waits = before;
    for (const subscription of this.#listening(channel)) {
      const room = subscription.listens(item.event.name) ? subscription.offer(item) : undefined;
      if (room) waits = withWait(waits, this.#waitFor(subscription, room, at));
    }
    for (const spawner of channel.spawners) {
      if (spawner.event?.name === item.event.name) waits = withWait(waits, spawner.handle(item.event, this.#spawn));
    }
    const delivered = this.#options.deliver?.(channel, item.event);
    return delivered ? withWait(waits, delivered) : waits;
  }

  async #waitFor(full: Subscription, room: Promise<void>, at: Subscription | undefined): Promise<void> {
    if (!at) return room;
    at.waitsFor.add(full);
    try {
      if (full.leadsTo(at)) throw deadlock();
      await room;
    } finally {
      at.waitsFor.delete(full);
    }
  }

  #listening(channel: ChannelPlan): readonly Subscription[] {
    const known = this.#subscriptions.get(channel.name);
    if (known) return known;
    const list = [
      ...channel.agents.map((plan) => this.#subscribe(plan, channel)),
      ...channel.sinks.map((sink) => this.#open(sink, channel)),
    ];
    this.#subscriptions.set(channel.name, list);
    return list;
  }

  #subscribe(plan: AgentPlan, { capacity }: ChannelPlan): Subscription {
    const { listensTo } = plan;
    const subscription: Subscription = new Subscription(this, { capacity, listensTo }, (item) =>
      invoke(this, plan, item, subscription),
    );
    return subscription;
  }

  #open(sink: Sink, { name, capacity }: ChannelPlan): Subscription {
    const context: SinkContext = { channel: name, runId: this.#options.meta.runId, signal: this.signal };
    return new Subscription(this, { capacity, listensTo: undefined }, ({ event }) => {
      this.#sinks.set(context, sink);
      return sink.write(event, context);
    });
  }

  readonly #spawn: Add = (agent, id, { subscribe, publishTo }) => {
    const name = id ?? agent.id;
    if (this.#over || this.#spawned.has(name)) return;
    if (this.#spawned.size >= MAX_SPAWNED) {
      throw new SluiceError("agents/limit", `A run may spawn ${MAX_SPAWNED} agents.`, {
        details: { limit: MAX_SPAWNED },
      });
    }
    this.#spawned.add(name);
    const plan = agentPlan(this.#plan.channels, agent, publishTo);
    for (const channel of new Set(subscribe)) {
      const where = channelOf(this.#plan.channels, channel);
      this.#subscriptions.set(channel, [...this.#listening(where), this.#subscribe(plan, where)]);
    }
  };

  readonly #onAbort = (): void => this.fail(this.#options.signal?.reason);

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    void this.#close();
  }

  async #close(failure?: { readonly error: unknown }): Promise<void> {
    const { signal, contexts, contextKey, meta } = this.#options;
    signal?.removeEventListener("abort", this.#onAbort);
    if (contextKey !== undefined) contexts.add(contextKey, meta.runId, this.#history.all);
    await Promise.allSettled(Array.from(this.#sinks, async ([context, sink]) => sink.end?.(context)));
    this.#settle(failure);
  }
}

/** What is to be waited for: for most events nothing is. */
type Waits = readonly Promise<void>[] | undefined;

function withWait(waits: Waits, wait: Promise<void>): Waits {
  return waits ? [...waits, wait] : [wait];
}

function deadlock(): SluiceError {
  return new SluiceError("agents/deadlock", "Agents wait for each other's channels, and all of them are full.");
}
