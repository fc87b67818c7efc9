// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followRuns } from "../src/page/follow-runs.ts";
import { createStore } from "../src/state/store.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

// Who asked on a quiet page and went to another chat saw the ring of the first turn for up to 30 s after its answer
// had ended: the next look had been set when there was nothing to wait for.
it("looks soon when an answer begins, also where it had nothing to wait for", async () => {
  const running = createStore(0);
  const look = vi.fn<() => Promise<void>>(() => Promise.resolve());
  const leave = followRuns(window, {
    look,
    refresh: async () => {},
    busy: () => running.getSnapshot() > 0,
    subscribe: running.subscribe,
  });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(look).toHaveBeenCalledTimes(1);
  running.set(1);
  await vi.advanceTimersByTimeAsync(3_000);
  // What happens meanwhile does not put it off.
  running.set(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(look).toHaveBeenCalledTimes(2);
  running.set(0);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(look).toHaveBeenCalledTimes(3);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(look).toHaveBeenCalledTimes(3);
  leave();
  running.set(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(look).toHaveBeenCalledTimes(3);
});
