import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDeadlines, type Deadline } from "../../../src/http/delivery/deadlines.ts";
import { createManualClock } from "../../../src/testing/manual-clock.ts";

const MS = 10;

function entry(onSilence: () => void = () => {}): Deadline {
  return { link: undefined, onSilence };
}

describe("deadlines", () => {
  it("call back once, after the silence and not before", async () => {
    const clock = createManualClock();
    const deadlines = createDeadlines(clock, MS);
    const due: number[] = [];
    deadlines.touch(entry(() => due.push(clock.now())));
    await clock.advance(MS - 1);
    expect(due).toEqual([]);
    await clock.advance(100);
    expect([due, clock.timers]).toEqual([[MS], 0]);
  });

  it("call back in the order of the last touches", async () => {
    const clock = createManualClock();
    const deadlines = createDeadlines(clock, MS);
    const due: string[] = [];
    const [a, b, c] = ["a", "b", "c"].map((name) => entry(() => due.push(`${name} ${clock.now()}`)));
    for (const one of [a!, b!, c!]) deadlines.touch(one);
    await clock.advance(4);
    deadlines.touch(b!);
    await clock.advance(2);
    deadlines.touch(a!);
    await clock.advance(100);
    expect(due).toEqual(["c 10", "b 14", "a 16"]);
  });

  it("that one counts from anew when it is called do not delay those of others", async () => {
    const clock = createManualClock();
    const deadlines = createDeadlines(clock, MS);
    const due: string[] = [];
    const a: Deadline = entry(() => {
      due.push(`a ${clock.now()}`);
      if (clock.now() < 30) deadlines.touch(a);
    });
    deadlines.touch(a);
    await clock.advance(5);
    deadlines.touch(entry(() => due.push(`b ${clock.now()}`)));
    await clock.advance(100);
    expect(due).toEqual(["a 10", "b 15", "a 20", "a 30"]);
    expect(clock.timers).toBe(0);
  });

  it("set one timer for any number of entries, and none for a touch", () => {
    const clock = createManualClock();
    let timers = 0;
    const counting = { now: clock.now, timer: (ms: number, run: () => void) => ((timers += 1), clock.timer(ms, run)) };
    const deadlines = createDeadlines(counting, MS);
    const entries = Array.from({ length: 1_000 }, () => entry());
    for (const one of [...entries, ...entries, ...entries]) deadlines.touch(one);
    expect([timers, clock.timers]).toEqual([1, 1]);
    for (const one of entries) deadlines.stop(one);
    expect(clock.timers).toBe(0);
  });

  // Nothing was due until the clock was as late again, and the one timer was set for then.
  // After the time of a machine had been set back by an hour its readers got no heartbeats for an hour: proxies cut them.
  it("go on when the machine's time is set back", async () => {
    const clock = createManualClock(10_000_000);
    let back = 0;
    const deadlines = createDeadlines({ now: () => clock.now() - back, timer: clock.timer }, MS);
    const due: string[] = [];
    const again = (name: string): Deadline => {
      const one: Deadline = entry(() => {
        due.push(`${name} ${clock.now() - 10_000_000}`);
        deadlines.touch(one);
      });
      return one;
    };
    deadlines.touch(again("a"));
    await clock.advance(5);
    deadlines.touch(again("b"));
    await clock.advance(1);
    back = 3_600_000;
    await clock.advance(34);
    expect(due).toEqual(["a 20", "b 20", "a 30", "b 30", "a 40", "b 40"]);
    back = 0; // and when it is put right
    await clock.advance(10);
    expect(due.slice(6)).toEqual(["a 50", "b 50"]);
    expect(clock.timers).toBe(1);
  });

  // Only those in front were looked at when one was due, and the one timer was set for a time that was far away.
  // A server whose time was put right in several steps, as after its start, left readers without heartbeats for as long.
  it("go on when the machine's time is set several times", async () => {
    const clock = createManualClock(10_000_000);
    let shift = 0;
    const deadlines = createDeadlines({ now: () => clock.now() + shift, timer: clock.timer }, MS);
    const due: string[] = [];
    const touch = (name: string): void => deadlines.touch(entry(() => due.push(name)));
    touch("a");
    shift = -3_600_000;
    touch("b");
    shift = 3_600_000;
    touch("c");
    shift = 0;
    await clock.advance(4 * MS);
    expect(due).toEqual(["a", "b", "c"]);
    expect(clock.timers).toBe(0);
  });

  it("let go of what was stopped, from any place and more than once", async () => {
    const clock = createManualClock();
    const deadlines = createDeadlines(clock, MS);
    const due: number[] = [];
    const entries = [0, 1, 2, 3, 4].map((number) => entry(() => due.push(number)));
    deadlines.stop(entries[0]!);
    for (const one of entries) deadlines.touch(one);
    for (const index of [0, 2, 4, 2]) deadlines.stop(entries[index]!);
    expect(entries.map(({ link }) => link !== undefined)).toEqual([false, true, false, true, false]);
    await clock.advance(100);
    expect(due).toEqual([1, 3]);
  });

  type Action =
    | { readonly kind: "touch"; readonly who: number }
    | { readonly kind: "stop"; readonly who: number }
    | { readonly kind: "wait"; readonly ms: number };
  const who = fc.nat(5);
  const action: fc.Arbitrary<Action> = fc.oneof(
    fc.record({ kind: fc.constant("touch" as const), who }),
    fc.record({ kind: fc.constant("stop" as const), who }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 25 }) }),
  );
  // What each does when it is called: nothing, counts from anew, or touches or stops another one.
  const habits = fc.array(fc.record({ does: fc.constantFrom("nothing", "again", "touch", "stop"), who }), {
    minLength: 6,
    maxLength: 6,
  });

  it("do what a list that is looked through every millisecond does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), habits, async (actions, habit) => {
        const clock = createManualClock();
        const deadlines = createDeadlines(clock, MS);
        const called: string[] = [];
        const entries: Deadline[] = habit.map(({ does, who: other }, index) =>
          entry(() => {
            called.push(`${index} ${clock.now()}`);
            if (does === "again") deadlines.touch(entries[index]!);
            if (does === "touch") deadlines.touch(entries[other]!);
            if (does === "stop") deadlines.stop(entries[other]!);
          }),
        );

        // In the order of the last touch.
        const model = new Map<number, number>();
        const touch = (index: number, now: number): void => {
          model.delete(index);
          model.set(index, now);
        };
        const expected: string[] = [];
        let now = 0;
        const look = (): void => {
          for (let [next] = model; next !== undefined && next[1] + MS <= now; [next] = model) {
            const [index] = next;
            model.delete(index);
            expected.push(`${index} ${now}`);
            const { does, who: other } = habit[index]!;
            if (does === "again") touch(index, now);
            if (does === "touch") touch(other, now);
            if (does === "stop") model.delete(other);
          }
        };

        for (const one of actions) {
          if (one.kind === "touch") {
            deadlines.touch(entries[one.who]!);
            touch(one.who, now);
          } else if (one.kind === "stop") {
            deadlines.stop(entries[one.who]!);
            model.delete(one.who);
          } else {
            await clock.advance(one.ms);
            for (let left = one.ms; left > 0; left -= 1) {
              now += 1;
              look();
            }
          }
          expect(called).toEqual(expected);
          expect(clock.timers).toBe(model.size === 0 ? 0 : 1);
        }
      }),
      { numRuns: 150 },
    );
  });
});
