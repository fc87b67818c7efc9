import { iterate, type Answer, type Producer } from "./iterate.ts";
import { Queue } from "./queue.ts";
import { openSource, type Reading, type Source } from "./source.ts";

/**
 * The items of all sources as they come, each source's in order. Of each at most one item is held that the consumer has
 * not taken, and none is asked again before it is: so a fast source cannot keep a slow one from its turn.
 * Ends with the last of them. When one fails the others are left, and what had come is handed on before the error.
 */
export function merge<T>(sources: Iterable<Source<T>>): AsyncIterable<T> {
  const all = [...sources];
  return { [Symbol.asyncIterator]: () => iterate<T>((answer) => mergeOf(all, answer)) };
}

interface Arm {
  readonly reading: Reading;
  /** Asked, or with an item that is not taken: busy. */
  state: "resting" | "busy" | "over";
}

function mergeOf<T>(sources: readonly Source<T>[], answer: Answer<T>): Producer {
  const come = new Queue<{ readonly item: T; readonly arm: Arm }>();
  let asked = false;
  let breakOff: (() => void) | undefined;

  const arms = sources.map((source) => {
    const arm: Arm = {
      state: "resting",
      reading: openSource(source, {
        item(item) {
          come.push({ item, arm });
          offer();
        },
        end() {
          arm.state = "over";
          offer();
        },
        fail(error) {
          const left = leave();
          const fail = (): void => answer.fail(error);
          breakOff = () => void left.then(fail, fail);
          offer();
        },
      }),
    };
    return arm;
  });

  function offer(): void {
    if (!asked) return;
    if (come.size > 0) {
      const { item, arm } = come.take();
      arm.state = "resting";
      asked = false;
      answer.give(item);
    } else if (breakOff !== undefined) breakOff();
    else if (arms.every(({ state }) => state === "over")) answer.end();
  }

  async function leave(): Promise<void> {
    for (const arm of arms) arm.state = "over";
    await Promise.all(arms.map(({ reading }) => reading.leave()));
  }

  return {
    pull() {
      asked = true;
      for (const arm of arms) {
        if (arm.state !== "resting") continue;
        arm.state = "busy";
        arm.reading.ask();
      }
      offer();
    },
    leave,
  };
}
