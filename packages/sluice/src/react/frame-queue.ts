import type { Soon } from "../client/chat/frames.ts";

/** Steps that wait for the next frame, in which all of them run one after the other. */
export interface FrameQueue {
  /** Resolves at once; with too many waiting, when there is room again. */
  push(step: () => void): Promise<void>;
}

/** More than comes in a frame at any rate somebody could read; the rest waits in the socket. */
const MAX_STEPS = 1_000;

/** @param after is called when the steps of a frame are done */
export function createFrameQueue(nextFrame: Soon, after: () => void): FrameQueue {
  const waiting: (() => void)[] = [];
  let steps: (() => void)[] = [];
  let scheduled = false;

  function run(): void {
    const taken = steps;
    steps = [];
    scheduled = false;
    for (const resolve of waiting.splice(0)) resolve();
    for (const step of taken) attempt(step);
    after();
  }

  return {
    push(step) {
      steps.push(step);
      if (!scheduled) {
        scheduled = true; // before it is asked for: a frame of a test may come at once
        nextFrame(run);
      }
      if (steps.length < MAX_STEPS) return Promise.resolve();
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** A handler that throws is its author's to see, and no reason to lose what comes after. */
function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
