import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../../src/chat/index.ts";
import { builtInDialects, type Dialect } from "../../../src/dialects/index.ts";
import { createBench, inOrder, joined, turn, until, type Bench, type FakeReader } from "./support.ts";

const START: readonly RunEvent[] = [{ type: "start" }, { type: "text-start", id: "t" }];
const END: readonly RunEvent[] = [{ type: "text-end", id: "t" }, { type: "finish" }];

const say = (delta: string): RunEvent => ({ type: "text-delta", id: "t", delta });

async function plain(bench: Bench, dialect: Dialect): Promise<string> {
  const reader = await bench.join(inOrder(dialect));
  await until(() => reader.ended);
  return reader.text;
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await turn();
}

type Action =
  | { readonly kind: "append"; readonly sizes: readonly number[] }
  | { readonly kind: "turn"; readonly count: number }
  | { readonly kind: "time"; readonly count: number }
  | { readonly kind: "join" | "leave" | "full" | "free" | "wake"; readonly who: number };

const small = fc.constantFrom<number>(1, 5, 300);
const size = fc.oneof(
  { weight: 12, arbitrary: small },
  { weight: 2, arbitrary: fc.constant(9_000) },
  { weight: 1, arbitrary: fc.constant(70_000) },
);
const sizes = fc.oneof(
  { weight: 5, arbitrary: fc.array(size, { minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constant(Array.from({ length: 600 }, () => 3)) },
);
const who = fc.nat(5);
const count = fc.integer({ min: 1, max: 4 });
const move = fc.constantFrom("join" as const, "leave" as const, "full" as const, "free" as const, "wake" as const);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("append" as const), sizes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn" as const), count }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("time" as const), count }) },
  { weight: 5, arbitrary: fc.record({ kind: move, who }) },
);
const actions = fc.array(action, { minLength: 5, maxLength: 60, size: "max" });

describe("readers that come, go, stall and go on at any time", () => {
  it.each([
    ["byte for byte", Infinity, 0],
    ["joined where they fell behind", 3, 0],
    ["at a pace", Infinity, 7],
  ] as const)("miss nothing and repeat nothing, %s", async (_, mergeBehind, flushMs) => {
    await fc.assert(
      fc.asyncProperty(actions, fc.constantFrom(...builtInDialects), async (steps, dialect) => {
        const bench = await createBench({ mergeBehind, flushMs });
        await bench.append(...START);
        const readers: (FakeReader | undefined)[] = [];
        const all: { readonly reader: FakeReader; readonly before: string }[] = [];
        let said = 0;
        const enter = async (place: number): Promise<void> => {
          // One who has been there comes back to where it was.
          const leaver = all.findLast(({ reader }) => reader === readers[place]);
          const [before, after] = placeOf(leaver ? leaver.before + leaver.reader.text : "");
          const reader = await bench.join(dialect, after);
          readers[place] = reader;
          all.push({ reader, before });
        };
        for (const step of steps) {
          if (step.kind === "append")
            await bench.append(...step.sizes.map((length) => say(`${(said += 1)} ${"x".repeat(length)}`)));
          else if (step.kind === "turn") await turns(step.count);
          else if (step.kind === "time") await bench.clock.advance(step.count * 3);
          else {
            const reader = readers[step.who];
            if (step.kind === "join" && (!reader || reader.over)) await enter(step.who);
            if (step.kind === "leave") reader?.close();
            if (reader?.over === false && step.kind === "full") reader.full = true;
            if (reader?.over === false && step.kind === "free") reader.full = false;
            if (step.kind === "wake") reader?.wake();
          }
        }
        await bench.close(...END);
        for (const reader of readers) if (reader && !reader.over) reader.full = false;
        for (let left = 2_000; !readers.every((reader) => !reader || reader.over); left -= 1) {
          expect(left).toBeGreaterThan(0);
          await bench.clock.advance(7);
        }
        const whole = await plain(bench, dialect);
        const wholeJoined = mergeBehind === Infinity ? [] : await joined(whole);
        for (const { reader, before } of all) {
          expect(reader.error).toBeUndefined();
          const text = before + reader.text;
          if (mergeBehind === Infinity) expect(whole.startsWith(text)).toBe(true);
          if (!reader.ended) continue;
          if (mergeBehind === Infinity) expect(text === whole).toBe(true);
          else expect(await joined(text)).toEqual(wholeJoined);
        }
        await bench.clock.advance(flushMs); // for those who left while they waited
        expect(bench.clock.timers).toBe(0);
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });
});

/** The frames that have arrived whole, and the id of the last. */
function placeOf(text: string): readonly [string, string] {
  const whole = text.slice(0, text.lastIndexOf("\n\n") + 2);
  const id = [...whole.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
  return id === undefined ? ["", "10"] : [whole, id];
}
