import type { Clock } from "../base/clock.ts";
import { SluiceError } from "../base/errors.ts";
import { checkMs } from "./check.ts";
import { createAlarm, waitingClock } from "./clock.ts";
import { iterate, type Answer, type Producer } from "./iterate.ts";
import { openSource, type Source } from "./source.ts";

export interface TimeoutOptions {
  /** Default: the system's, with timers that keep a Node process alive. */
  readonly clock?: Clock;
}

/**
 * Fails with `flow/timeout` when the source takes longer than `ms` for one item, or for its end, counted from when the
 * consumer asks: a slow consumer costs the source nothing. The source's `return()` is called and not waited for.
 * @throws SluiceError `option/invalid`
 */
export function timeout<T>(source: Source<T>, ms: number, options: TimeoutOptions = {}): AsyncIterable<T> {
  checkMs("ms", ms);
  const { clock = waitingClock } = options;
  return { [Symbol.asyncIterator]: () => iterate<T>((answer) => watch(source, { ms, clock, answer })) };
}

interface Watch<T> {
  readonly ms: number;
  readonly clock: Clock;
  readonly answer: Answer<T>;
}

function watch<T>(source: Source<T>, { ms, clock, answer }: Watch<T>): Producer {
  const alarm = createAlarm(clock, () => {
    void reading.leave(); // It resolves at once: the source owes an item.
    answer.fail(new SluiceError("flow/timeout", `The source gave nothing for ${ms} ms.`, { details: { ms } }));
  });
  const reading = openSource(source, {
    item(item) {
      alarm.set(Infinity);
      answer.give(item);
    },
    end() {
      alarm.clear();
      answer.end();
    },
    fail(error) {
      alarm.clear();
      answer.fail(error);
    },
  });
  return {
    pull() {
      alarm.set(clock.now() + ms);
      reading.ask();
    },
    leave() {
      alarm.clear();
      return reading.leave();
    },
  };
}
