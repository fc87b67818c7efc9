import { checkWhole } from "../base/options.ts";
import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { checkMs } from "./check.ts";
import { createAlarm, waitingClock } from "./clock.ts";
import { iterate, type Answer, type Producer } from "./iterate.ts";
import { Queue } from "./queue.ts";
import { openSource, type Source } from "./source.ts";

/**
 * As the handlers of `statefulMap`, for answers that come later, of a socket for instance: all functions may be called
 * at any time, after the handler has returned too.
 */
export interface AsyncStatefulHandlers<T, Context, U> {
  onFirstChunk(chunk: T, ...controls: AsyncStatefulControls<U>): Context | PromiseLike<Context>;
  onChunk(chunk: T, context: Context, ...controls: AsyncStatefulControls<U>): Context | PromiseLike<Context>;
  /** After the last chunk. Not called when there was none, the source failed or the consumer left. */
  onClose?(lastChunk: T, context: Context, ...controls: AsyncStatefulControls<U>): unknown;
}

export type AsyncStatefulControls<U> = readonly [
  /** Hands an item on, also while the source gives nothing. */
  yieldData: (data: U) => void,
  /** Allows the end: it comes when the source is at its end and what was yielded is taken. */
  unlockCloseEvent: () => void,
  /** Fails the flow, after what was yielded before: the socket broke, say. */
  fail: (error: unknown) => void,
];

export interface AsyncStatefulOptions {
  /** After the source's end, this long without an item or `unlockCloseEvent` fails with `flow/timeout`. Default 10,000. */
  readonly closeTimeoutMs?: number;
  /** Items yielded and not taken yet; one more fails with `flow/queue-full`. Default 8,192. */
  readonly maxQueued?: number;
  /** Default: the system's, with timers that keep a Node process alive. */
  readonly clock?: Clock;
}

/**
 * Items for chunks, when they come. The source is asked for the next chunk only while the consumer waits for an item.
 * An empty source ends at once.
 * @throws SluiceError `option/invalid`
 */
export function asyncStatefulMap<T, Context, U = T>(
  source: Source<T>,
  handlers: AsyncStatefulHandlers<T, Context, U>,
  options: AsyncStatefulOptions = {},
): AsyncIterable<U> {
  const { closeTimeoutMs = 10_000, maxQueued = 8_192, clock = waitingClock } = options;
  checkMs("closeTimeoutMs", closeTimeoutMs);
  checkWhole("maxQueued", maxQueued);
  const settings = { closeTimeoutMs, maxQueued, clock };
  return { [Symbol.asyncIterator]: () => iterate<U>((answer) => mapLater(source, { handlers, settings, answer })) };
}

interface Failure {
  readonly error: unknown;
  /** Of the source: that comes before the error. */
  readonly left: Promise<void>;
}

interface Mapping<T, Context, U> {
  readonly handlers: AsyncStatefulHandlers<T, Context, U>;
  readonly settings: Required<AsyncStatefulOptions>;
  readonly answer: Answer<U>;
}

function mapLater<T, Context, U>(source: Source<T>, { handlers, settings, answer }: Mapping<T, Context, U>): Producer {
  const { closeTimeoutMs, maxQueued, clock } = settings;
  const yielded = new Queue<U>();
  /** Busy: the source or a handler is. Closing: both are done. */
  let state: "resting" | "busy" | "closing" | "over" | Failure = "resting";
  let locked = true;
  let asked = false;
  let last: { readonly chunk: T; readonly context: Context } | undefined;

  const alarm = createAlarm(clock, () => {
    const message = `Nothing came for ${closeTimeoutMs} ms after the source's end, and unlockCloseEvent was not called.`;
    fail(new SluiceError("flow/timeout", message, { details: { ms: closeTimeoutMs } }));
  });
  const controls: AsyncStatefulControls<U> = [
    (data) => {
      if (isOver()) return;
      yielded.push(data);
      if (state === "closing" && locked) alarm.set(clock.now() + closeTimeoutMs);
      serve();
      if (yielded.size > maxQueued) {
        const message = `More than ${maxQueued} items were yielded that nobody has taken.`;
        fail(new SluiceError("flow/queue-full", message, { details: { maxQueued } }));
      }
    },
    () => {
      locked = false;
      alarm.clear();
      serve();
    },
    fail,
  ];
  const reading = openSource(source, {
    item: (chunk) =>
      void call(async () => {
        const context = await (last === undefined
          ? handlers.onFirstChunk(chunk, ...controls)
          : handlers.onChunk(chunk, last.context, ...controls));
        last = { chunk, context };
        return "resting";
      }),
    end: () =>
      void call(async () => {
        if (last === undefined) locked = false;
        else await handlers.onClose?.(last.chunk, last.context, ...controls);
        return "closing";
      }),
    fail,
  });

  async function call(handle: () => Promise<"resting" | "closing">): Promise<void> {
    try {
      const next = await handle();
      if (isOver()) return;
      state = next;
      if (state === "closing" && locked) alarm.set(clock.now() + closeTimeoutMs);
      serve();
    } catch (error) {
      fail(error);
    }
  }

  function serve(): void {
    if (!asked) return;
    if (yielded.size > 0) {
      asked = false;
      answer.give(yielded.take());
    } else if (state === "resting") {
      state = "busy";
      reading.ask();
    } else if (state === "closing" && !locked) {
      over();
      answer.end();
    } else if (typeof state === "object") {
      const { error, left } = state;
      void left.then(() => answer.fail(error));
    }
  }

  function fail(error: unknown): void {
    if (isOver()) return;
    over({ error, left: reading.leave().catch(() => {}) });
    serve();
  }

  function over(how: "over" | Failure = "over"): void {
    state = how;
    alarm.clear();
  }

  function isOver(): boolean {
    return state === "over" || typeof state === "object";
  }

  return {
    pull() {
      asked = true;
      serve();
    },
    leave() {
      const left = typeof state === "object" ? state.left : reading.leave();
      over();
      yielded.clear();
      return left;
    },
  };
}
