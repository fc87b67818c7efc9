import { iterate, type Answer, type Producer } from "./iterate.ts";
import { Queue } from "./queue.ts";
import { openSource, type Reading, type Source } from "./source.ts";

/** What an operator does to one item after another. Made anew for each reading: its state is that reading's own. */
export interface Step<In, Out> {
  /** What is emitted is handed on, one by one, before the next item comes. A promise is waited for. */
  item(item: In, emit: (item: Out) => void): Done;
  /** After the last item, unless the reading failed or was left. */
  end?(emit: (item: Out) => void): Done;
}

/** Only a promise means anything: it is waited for. */
export type Done = unknown;

/**
 * The source, read through a step, as often as the source can be read.
 * Steps on steps run in one loop: between them no promise is made and nothing is pulled ahead.
 */
export function through<In, Out>(source: Source<In>, makeStep: () => Step<In, Out>): AsyncIterable<Out> {
  const { connect } = stepped(source);
  return new Stepped<Out>((inlet, loop) => {
    const stage = new StepStage(makeStep(), inlet);
    loop.stages.push(stage);
    return connect(stage, loop);
  });
}

/** The source as an async iterable, whatever kind it is. */
export function each<T>(source: Source<T>): AsyncIterable<T> {
  return stepped(source);
}

/** Calls `take` with the value, or with what the promise comes to. */
export function whenReady<T>(value: T | PromiseLike<T>, take: (value: T) => Done): Done {
  return isPromise(value) ? value.then(take) : take(value);
}

class Stepped<T> implements AsyncIterable<T> {
  readonly connect: Connect<T>;

  constructor(connect: Connect<T>) {
    this.connect = connect;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return iterate((answer) => createLoop(this.connect, answer));
  }
}

function stepped<T>(source: Source<T>): Stepped<T> {
  if (source instanceof Stepped) return source;
  return new Stepped((inlet, loop) =>
    openSource(source, {
      item(item) {
        inlet.push(item);
        loop.go();
      },
      end: loop.end,
      fail: loop.fail,
    }),
  );
}

/** Opens the source, with a stage for each step before the inlet. */
type Connect<T> = (inlet: Inlet<T>, loop: Loop) => Reading;

interface Inlet<T> {
  push(item: T): void;
}

interface Loop {
  /** The last one first. */
  readonly stages: Stage[];
  /** Works until there is an item to give, or something to wait for. */
  go(): void;
  end(): void;
  fail(error: unknown): void;
}

interface Stage {
  /** How many items wait for it. */
  readonly size: number;
  /** Takes one of them through its step. */
  work(): Done;
  end(): Done;
}

/** A step, and what waits for it. A class, as the queue is: all stages have one shape, and the loop is quick. */
class StepStage<In, Out> extends Queue<In> implements Stage {
  readonly #step: Step<In, Out>;
  readonly #emit: (item: Out) => void;

  constructor(step: Step<In, Out>, inlet: Inlet<Out>) {
    super();
    this.#step = step;
    this.#emit = (item) => inlet.push(item);
  }

  work(): Done {
    return this.#step.item(this.take(), this.#emit);
  }

  end(): Done {
    return this.#step.end?.(this.#emit);
  }
}

function createLoop<T>(connect: Connect<T>, answer: Answer<T>): Producer {
  const out = new Queue<T>();
  const stages: Stage[] = [];
  /** How many stages have had their end, from the source on. Undefined: the source goes on. */
  let ended: number | undefined;
  let left = false;
  /** The stage that is at work. */
  let working = 0;
  /** The stages before the one that failed, which still have what it handed on. */
  let alive = Infinity;
  let failure: { readonly error: unknown; readonly sourceLeft: Promise<void> } | undefined;

  function go(): void {
    try {
      // From the last stage on: an item is all the way through before the next one moves.
      let at = 0;
      while (!left) {
        if (out.size > 0) {
          answer.give(out.take());
          return;
        }
        const stage = at < alive ? stages[at] : undefined;
        if (stage?.size === 0) {
          at += 1;
          continue;
        }
        let done: Done;
        if (stage !== undefined) {
          working = at;
          done = stage.work();
          at = Math.max(0, at - 1);
        } else if (failure !== undefined) {
          const { error, sourceLeft } = failure;
          void sourceLeft.then(() => answer.fail(error));
          return;
        } else if (ended === undefined) {
          reading.ask();
          return;
        } else if (ended === stages.length) {
          answer.end();
          return;
        } else {
          ended += 1;
          working = stages.length - ended;
          done = stages[working]?.end();
          at = 0;
        }
        if (isPromise(done)) {
          Promise.resolve(done).then(go, breakOff);
          return;
        }
      }
    } catch (error) {
      breakOff(error);
    }
  }

  /** A step failed: what it handed on before goes on. The source is let go of first, as `for await` does it. */
  function breakOff(error: unknown): void {
    alive = working;
    failure = { error, sourceLeft: reading.leave().catch(() => {}) };
    go();
  }

  const reading = connect(out, {
    stages,
    go,
    end() {
      ended = 0;
      go();
    },
    fail: answer.fail,
  });
  return {
    pull: go,
    leave() {
      left = true;
      return reading.leave();
    },
  };
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
