import type { Ending } from "./iterate.ts";
import { Queue } from "./queue.ts";
import { openSource, type Source } from "./source.ts";

/** Items of a source that were read before anybody took them. */
export interface Ahead<T> {
  readonly size: number;
  /** Nothing more comes of the source. */
  readonly over: boolean;
  /** Reads on while there is room; begins with the first call. */
  read(): void;
  /** The first of them. Both only while `size` is not 0. */
  peek(): T;
  take(): T;
  /** Answers as the source ended. */
  finish(answer: Ending): void;
  leave(): Promise<void>;
}

/** @param changed called when an item has come, and at the end */
export function readAhead<T>(source: Source<T>, limit: number, changed: () => void): Ahead<T> {
  const queue = new Queue<T>();
  let state: "resting" | "reading" | "ended" | { readonly error: unknown } = "resting";
  const become = (next: typeof state): void => {
    state = next;
    changed();
    read();
  };
  const reading = openSource(source, {
    item(item) {
      queue.push(item);
      become("resting");
    },
    end: () => become("ended"),
    fail: (error) => become({ error }),
  });
  const isOver = (): boolean => state !== "resting" && state !== "reading";

  function read(): void {
    if (state !== "resting" || queue.size >= limit) return;
    state = "reading";
    reading.ask();
  }

  return {
    get size() {
      return queue.size;
    },
    get over() {
      return isOver();
    },
    read,
    peek: () => queue.peek(),
    take() {
      const item = queue.take();
      read();
      return item;
    },
    finish(answer) {
      if (typeof state === "object") answer.fail(state.error);
      else answer.end();
    },
    leave() {
      queue.clear();
      state = isOver() ? state : "ended";
      return reading.leave();
    },
  };
}
