import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryLog } from "../../src/log/index.ts";
import { logCases, type LogCaseContext } from "../../src/testing/log-cases.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { commands, createModel, perform } from "./model.ts";

function context(): LogCaseContext {
  const clock = createManualClock(1_700_000_000_000);
  let count = 0;
  return { store: createMemoryLog({ clock }), advance: (ms) => clock.advance(ms), id: () => `id ${++count}` };
}

describe("the memory log keeps the contract", () => {
  it.each(Object.entries(logCases))("%s", async (_sentence, run) => {
    await expect(run(context())).resolves.toBeUndefined();
  });
});

describe("the memory log", () => {
  it("answers any commands as the model does", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const clock = createManualClock();
        const store = createMemoryLog({ clock });
        const model = createModel();
        for (const drawn of list) {
          const command = model.aim(drawn);
          const answer = await perform(store, clock, command);
          expect({ command, answer }).toEqual({ command, answer: model.answer(command) });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
