import { checkWhole } from "../base/options.ts";
import { iterate, type Answer } from "./iterate.ts";
import { Queue } from "./queue.ts";
import { openSource, type Source } from "./source.ts";

export interface ForkOptions {
  /** How many items one branch may be ahead of the other. Default 16. */
  readonly ahead?: number;
}

/**
 * Two branches with the same items, each to be read once. The faster one waits when it is `ahead` items ahead, so read
 * both at the same time. A branch that is left holds up the other no longer; when both are, the source is.
 * A failure of the source reaches both.
 * @throws SluiceError `option/invalid`
 */
export function fork<T>(
  source: Source<T>,
  options: ForkOptions = {},
): [AsyncIterableIterator<T>, AsyncIterableIterator<T>] {
  const { ahead = 16 } = options;
  checkWhole("ahead", ahead);
  let state: "resting" | "reading" | "ended" | { readonly error: unknown } = "resting";
  const branches = new Set<Branch<T>>();
  const become = (next: typeof state): void => {
    state = next;
    serve();
  };
  const reading = openSource(source, {
    item(item) {
      for (const { queue } of branches) queue.push(item);
      become("resting");
    },
    end: () => become("ended"),
    fail: (error) => become({ error }),
  });

  function serve(): void {
    for (const branch of branches) answerOf(branch);
    const wanted = [...branches].some(({ asked }) => asked);
    const room = [...branches].every(({ queue }) => queue.size < ahead);
    if (state !== "resting" || !wanted || !room) return;
    state = "reading";
    reading.ask();
  }

  function answerOf(branch: Branch<T>): void {
    const { queue, answer } = branch;
    if (!branch.asked) return;
    if (queue.size > 0) {
      branch.asked = false;
      answer.give(queue.take());
    } else if (state === "ended") answer.end();
    else if (typeof state === "object") answer.fail(state.error);
  }

  const createBranch = (): AsyncIterableIterator<T> =>
    iterate<T>((answer) => {
      const branch: Branch<T> = { queue: new Queue<T>(), answer, asked: false };
      branches.add(branch);
      return {
        pull() {
          branch.asked = true;
          serve();
        },
        async leave() {
          branches.delete(branch);
          if (branches.size === 0) await reading.leave();
          else serve();
        },
      };
    });
  return [createBranch(), createBranch()];
}

interface Branch<T> {
  /** What the other branch has had already. */
  readonly queue: Queue<T>;
  readonly answer: Answer<T>;
  asked: boolean;
}
