import { describe, expect, it } from "vitest";
import { sleep } from "../../src/base/clock.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";

describe("a manual clock", () => {
  it("stands still until it is moved", async () => {
    const clock = createManualClock(1_000);
    let fired = false;
    clock.timer(0, () => (fired = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(fired).toBe(false);
    expect(clock.now()).toBe(1_000);
    await clock.advance(0);
    expect(fired).toBe(true);
  });

  it("fires timers in the order of their due times, and of being set, each at its own time", async () => {
    const clock = createManualClock();
    const fired: string[] = [];
    for (const [name, ms] of [
      ["c", 30],
      ["a", 10],
      ["b", 20],
      ["b2", 20],
      ["later", 41],
    ] as const) {
      clock.timer(ms, () => fired.push(`${name} ${clock.now()}`));
    }
    await clock.advance(40);
    expect(fired).toEqual(["a 10", "b 20", "b2 20", "c 30"]);
    expect(clock.now()).toBe(40);
    expect(clock.timers).toBe(1);
  });

  it("lets promises settle between timers, so that what they set fires too", async () => {
    const clock = createManualClock();
    const woken: number[] = [];
    const loop = (async () => {
      for (let count = 0; count < 5; count++) {
        await sleep(clock, 10);
        await Promise.resolve();
        woken.push(clock.now());
      }
    })();
    await clock.advance(50);
    await loop;
    expect(woken).toEqual([10, 20, 30, 40, 50]);
    expect(clock.timers).toBe(0);
  });

  it("never fires a timer that was cancelled, also by one due at the same time", async () => {
    const clock = createManualClock();
    let fired = 0;
    const cancels: (() => void)[] = [];
    clock.timer(5, () => cancels.forEach((cancel) => cancel()));
    cancels.push(clock.timer(5, () => (fired += 1)));
    await clock.advance(10);
    expect(fired).toBe(0);
    expect(clock.timers).toBe(0);
  });
});
