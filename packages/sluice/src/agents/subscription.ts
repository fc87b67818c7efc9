import type { Envelope } from "./event.ts";

export interface Item {
  readonly event: Envelope;
  /** Its number in the run. */
  readonly number: number;
}

interface Work {
  enter(): void;
  leave(): void;
  fail(error: unknown): void;
}

interface Waiting {
  readonly item: Item;
  readonly take: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * What waits for one agent on one channel of one run, or for a sink. It is handled one after the other; who offers more
 * than there is room for waits.
 */
export class Subscription {
  /** Full ones that an event of the one who works here waits for. */
  readonly waitsFor: Set<Subscription> = new Set();
  readonly #run: Work;
  readonly #capacity: number;
  readonly #listensTo: ReadonlySet<string> | undefined;
  readonly #handle: (item: Item) => Promise<void> | void;
  #queue: Item[] = [];
  #waiting: Waiting[] = [];
  #working = false;
  #cleared = false;

  constructor(
    run: Work,
    options: { readonly capacity: number; readonly listensTo: ReadonlySet<string> | undefined },
    handle: (item: Item) => Promise<void> | void,
  ) {
    this.#run = run;
    this.#capacity = options.capacity;
    this.#listensTo = options.listensTo;
    this.#handle = handle;
  }

  listens(name: string): boolean {
    return this.#listensTo === undefined || this.#listensTo.has(name);
  }

  /** undefined: it is taken. Else what resolves when it is. */
  offer(item: Item): Promise<void> | undefined {
    if (this.#cleared) return undefined;
    this.#run.enter();
    if (!this.#working) {
      this.#working = true;
      void this.#work(item);
      return undefined;
    }
    if (this.#queue.length < this.#capacity) {
      this.#queue.push(item);
      return undefined;
    }
    const room = new Promise<void>((take, refuse) => this.#waiting.push({ item, take, refuse }));
    room.catch(() => {}); // nobody waits for it any more where one of several has failed
    return room;
  }

  /**
   * Whether there is no room here before there is room at `other`: the one who works here is done when all that it has
   * emitted is taken.
   */
  leadsTo(other: Subscription, seen: Set<Subscription> = new Set()): boolean {
    if (this === other) return true;
    if (seen.has(this)) return false;
    seen.add(this);
    for (const next of this.waitsFor) if (next.leadsTo(other, seen)) return true;
    return false;
  }

  /** Drops what waits, and what comes. */
  clear(error: unknown): void {
    this.#cleared = true;
    this.#queue = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { refuse } of waiting) refuse(error);
  }

  async #work(first: Item): Promise<void> {
    // Not within the call of whoever emits.
    await Promise.resolve();
    if (this.#cleared) return;
    for (let item: Item | undefined = first; item; item = this.#next()) {
      try {
        await this.#handle(item);
      } catch (error) {
        this.#run.fail(error);
      }
      if (this.#queue.length === 0) this.#working = false;
      this.#run.leave();
      if (!this.#working) return;
    }
    this.#working = false;
  }

  #next(): Item | undefined {
    const item = this.#queue.shift();
    const waiting = this.#waiting.shift();
    if (waiting) {
      this.#queue.push(waiting.item);
      waiting.take();
    }
    return item;
  }
}
