import { SluiceError } from "../base/errors.ts";
import type { Agent, AgentContext } from "./agent.ts";
import type { ContextEvents } from "./contexts.ts";
import type { Envelope, UnboundEvent } from "./event.ts";
import type { AgentPlan, ChannelPlan } from "./plan.ts";
import type { Item, Subscription } from "./subscription.ts";

/** Who emits, and at which place it listens. */
export interface Emitter {
  readonly agent: Agent;
  /** undefined: nobody waits there for what it emits. */
  readonly at: Subscription | undefined;
}

/** What a call needs of the run that it belongs to. */
interface Run {
  readonly signal: AbortSignal;
  enter(): void;
  leave(): void;
  fail(error: unknown): void;
  emit(event: UnboundEvent, channels: readonly ChannelPlan[], by: Emitter): Promise<void>;
  eventsUntil(number: number): readonly Envelope[];
  contextEvents(own: readonly Envelope[]): ContextEvents;
}

// Of one call of an agent that does not await what it emits.
const MAX_WAITING = 65_536;

/** Calls an agent for an event. Resolves when it has, and everything that it emitted is taken. */
export async function invoke(run: Run, { agent, publishTo }: AgentPlan, item: Item, at: Subscription): Promise<void> {
  let last: Promise<void> | undefined;
  let waiting = 0;
  let emitter: Emitter = { agent, at };

  // In order: while one is not taken, the next one waits behind it.
  function emit(event: UnboundEvent): Promise<void> {
    if (waiting >= MAX_WAITING) return refuse(tooMany());
    run.enter();
    waiting += 1;
    const by = emitter;
    const taken =
      waiting > 1 && last ? last.then(() => run.emit(event, publishTo, by)) : run.emit(event, publishTo, by);
    last = taken;
    // Whether or not somebody awaits it: the run fails, not the process.
    taken.then(left, failed);
    return taken;
  }

  function left(): void {
    waiting -= 1;
    run.leave();
  }

  function failed(error: unknown): void {
    run.fail(error);
    left();
  }

  function refuse(error: SluiceError): Promise<void> {
    run.fail(error);
    const refused = Promise.reject(error);
    refused.catch(() => {});
    return refused;
  }

  await agent.invoke(new Context(run, item, emit));
  if (last && waiting > 0) await last;
  // What it emits from now on, nobody waits for.
  emitter = { agent, at: undefined };
}

class Context implements AgentContext {
  readonly emit: (event: UnboundEvent) => Promise<void>;
  readonly #run: Run;
  readonly #item: Item;

  constructor(run: Run, item: Item, emit: (event: UnboundEvent) => Promise<void>) {
    this.#run = run;
    this.#item = item;
    this.emit = emit;
  }

  get triggerEvent(): Envelope {
    return this.#item.event;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get runEvents(): readonly Envelope[] {
    return this.#run.eventsUntil(this.#item.number);
  }

  get contextEvents(): ContextEvents {
    return this.#run.contextEvents(this.runEvents);
  }
}

function tooMany(): SluiceError {
  return new SluiceError("agents/limit", `${MAX_WAITING} events of one call wait to be taken: await what you emit.`, {
    details: { limit: MAX_WAITING },
  });
}
