import { describe, expect, it } from "vitest";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";

describe("sleep", () => {
  it("resolves after its time and leaves neither timer nor listener", async () => {
    const clock = createManualClock();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, given);
    };
    let over = false;
    const sleeping = sleep(clock, 100, signal).then(() => (over = true));
    await clock.advance(99);
    expect([over, listeners]).toEqual([false, 1]);
    await clock.advance(1);
    await sleeping;
    expect([over, listeners, clock.timers]).toEqual([true, 0, 0]);
  });

  it("rejects with the reason when the signal fires first, or has fired", async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const reason = new Error("enough");
    const sleeping = sleep(clock, 100, controller.signal);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(sleep(clock, 100, controller.signal)).rejects.toBe(reason);
    expect(clock.timers).toBe(0);
  });
});

describe("the system's clock", () => {
  it("tells the time and calls back, unless it is told not to", async () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
    let called = false;
    const cancel = systemClock.timer(0, () => (called = true));
    cancel();
    await new Promise<void>((resolve) => systemClock.timer(1, resolve));
    expect(called).toBe(false);
  });
});
