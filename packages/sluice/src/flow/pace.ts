import { checkWhole } from "../base/options.ts";
import type { Clock } from "../base/clock.ts";
import { checkMs } from "./check.ts";
import { createAlarm, waitingClock } from "./clock.ts";
import { iterate, type Answer, type Producer } from "./iterate.ts";
import { map } from "./map.ts";
import { readAhead } from "./read-ahead.ts";
import type { Source } from "./source.ts";

export interface PaceOptions {
  /** The time between two items, while nothing is late. Default 20. */
  readonly intervalMs?: number;
  /** No item waits longer for its turn: when many wait, they follow each other faster. Default 500. */
  readonly maxDelayMs?: number;
  /** How many items may wait. With as many, the next goes on at once, so that the source is not slowed. Default 256. */
  readonly ahead?: number;
  /** Default: the system's, with timers that keep a Node process alive. */
  readonly clock?: Clock;
}

/**
 * Smooth output of a source that comes in bursts: items are spread over time, in order. The delay is for items that wait
 * for their turn; a consumer that asks late is given what is due at once. The end comes after the last item.
 * @throws SluiceError `option/invalid`
 */
export function pace<T>(source: Source<T>, options: PaceOptions = {}): AsyncIterable<T> {
  const { intervalMs = 20, maxDelayMs = 500, ahead = 256, clock = waitingClock } = options;
  checkMs("intervalMs", intervalMs);
  checkMs("maxDelayMs", maxDelayMs);
  checkWhole("ahead", ahead);
  const pacing = { intervalMs, maxDelayMs, ahead, clock };
  return { [Symbol.asyncIterator]: () => iterate<T>((answer) => paced(source, pacing, answer)) };
}

function paced<T>(source: Source<T>, pacing: Required<PaceOptions>, answer: Answer<T>): Producer {
  const { intervalMs, maxDelayMs, clock } = pacing;
  let asked = false;
  let last = -Infinity;
  const alarm = createAlarm(clock, offer);
  const waiting = readAhead(
    map(source, (item) => ({ item, at: clock.now() })),
    pacing.ahead,
    offer,
  );

  function offer(): void {
    if (!asked) return;
    const due = whenDue();
    if (clock.now() < due) {
      alarm.set(due);
      return;
    }
    alarm.clear();
    if (waiting.size > 0) {
      asked = false;
      last = clock.now();
      answer.give(waiting.take().item);
    } else if (waiting.over) waiting.finish(answer);
  }

  /** As if all that wait had to be gone when the oldest is at its limit: so nothing that comes later can be late. */
  function whenDue(): number {
    if (waiting.size === 0 || waiting.size === pacing.ahead) return -Infinity;
    const left = Math.max(0, waiting.peek().at + maxDelayMs - last);
    return last + Math.min(intervalMs, left / waiting.size);
  }

  return {
    pull() {
      asked = true;
      offer();
      waiting.read();
    },
    leave() {
      alarm.clear();
      return waiting.leave();
    },
  };
}
