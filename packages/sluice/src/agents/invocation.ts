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
  emit(event: UnboundEvent, channels: readonly ChannelPlan[], by: Emitter): Promise<void> | undefined;
  eventsUntil(number: number): readonly Envelope[];
  contextEvents(own: readonly Envelope[]): ContextEvents;
}

// Of one call of an agent that does not await what it emits.
const MAX_WAITING = 65_536;

/** Of an event that everybody had room for: most are. */
const TAKEN: Promise<void> = Promise.resolve();

/** Calls an agent for an event. Resolves when it has, and everything that it emitted is taken. */
export async function invoke(run: Run, plan: AgentPlan, item: Item, at: Subscription): Promise<void> {
  const call = new Call(run, plan, item, at);
  await plan.agent.invoke(call);
  const rest = call.end();
  if (rest) await rest;
}

class Call implements AgentContext {
  /** A field: agents take it out of their context. */
  readonly emit = (event: UnboundEvent): Promise<void> => this.#emit(event);
  readonly #run: Run;
  readonly #channels: readonly ChannelPlan[];
  readonly #item: Item;
  #by: Emitter;
  #waiting = 0;
  #last: Promise<void> = TAKEN;
  readonly #left = (): void => {
    this.#waiting -= 1;
    this.#run.leave();
  };
  readonly #failed = (error: unknown): void => {
    this.#run.fail(error);
    this.#left();
  };

  constructor(run: Run, { agent, publishTo }: AgentPlan, item: Item, at: Subscription) {
    this.#run = run;
    this.#channels = publishTo;
    this.#item = item;
    this.#by = { agent, at };
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

  /** undefined: there is nothing to wait for. */
  end(): Promise<void> | undefined {
    // What it emits from now on, nobody waits for.
    const over = (): void => void (this.#by = { agent: this.#by.agent, at: undefined });
    if (this.#waiting > 0) return this.#last.then(over);
    over();
    return undefined;
  }

  // In order: while one is not taken, the next one waits behind it.
  #emit(event: UnboundEvent): Promise<void> {
    try {
      if (this.#waiting >= MAX_WAITING) throw tooMany();
      const taken = this.#waiting > 0 ? this.#emitNext(event) : this.#run.emit(event, this.#channels, this.#by);
      return taken ? this.#waitFor(taken) : TAKEN;
    } catch (error) {
      this.#run.fail(error);
      const refused = Promise.reject(error);
      refused.catch(() => {});
      return refused;
    }
  }

  #emitNext(event: UnboundEvent): Promise<void> {
    const by = this.#by;
    return this.#last.then(() => this.#run.emit(event, this.#channels, by));
  }

  #waitFor(taken: Promise<void>): Promise<void> {
    this.#run.enter();
    this.#waiting += 1;
    this.#last = taken;
    // Whether or not somebody awaits it: the run fails, not the process. Directly on it, so that it is counted as taken
    // before the agent that awaits it emits again.
    taken.then(this.#left, this.#failed);
    return taken;
  }
}

function tooMany(): SluiceError {
  return new SluiceError("agents/limit", `${MAX_WAITING} events of one call wait to be taken: await what you emit.`, {
    details: { limit: MAX_WAITING },
  });
}
