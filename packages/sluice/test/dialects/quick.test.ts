import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/chat/index.ts";
import { builtInDialects } from "../../src/dialects/index.ts";
import { legalRun } from "../chat/legal-runs.ts";
import { context, everyEvent } from "./support.ts";

// Extra keys pass the check of shapes: they may have the names that a dialect looks at.
const odd: readonly RunEvent[] = [
  { type: "text-delta", id: "t", delta: "a", event: "weather" },
  { type: "data-x", data: 1, event: "weather" },
  { type: "finish", event: "weather" },
  { id: "t", delta: "a", type: "text-delta" },
  { errorText: "No.", type: "error" },
  { type: "text-delta", id: 'a"b', delta: 'c"}' },
  { type: "error", errorText: "No." },
  { type: "abort" },
  { event: "weather", data: { type: "text-delta", id: "t", delta: "a" } },
] as unknown as readonly RunEvent[];

describe.each(builtInDialects)("what $name tells from the text of an entry", (dialect) => {
  const alone = dialect.alone?.(context);

  /** What it tells at once, and what it words; the same where it tells nothing. */
  function both(event: RunEvent, sequence: number): readonly [quick: unknown, alone: unknown] {
    const entry = JSON.stringify(event);
    const frame = dialect.quick?.(entry, context);
    const frames = alone?.(JSON.parse(entry) as RunEvent, sequence);
    return [frame ? [frame] : frames, frames];
  }

  it("is the one frame that it words the entry in alone, for every entry of a run", () => {
    fc.assert(
      fc.property(legalRun(), (events) => {
        for (const [index, event] of events.entries()) {
          const [quick, worded] = both(event, index + 1);
          expect(quick).toEqual(worded);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([...odd, ...everyEvent].map((event) => [JSON.stringify(event), event] as const))(
    "is that of %s",
    (_, event) => {
      const [quick, worded] = both(event, 2);
      expect(quick).toEqual(worded);
    },
  );

  it("is there for the delta of a text, of which a run has most", () => {
    const event: RunEvent = { type: "text-delta", id: "t", delta: 'Hello, "world"\\' };
    expect([dialect.quick?.(JSON.stringify(event), context)]).toEqual(alone?.(event, 2));
  });
});
