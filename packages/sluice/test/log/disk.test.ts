import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDiskLog } from "../../src/log/disk.ts";
import { logCases, type LogCaseContext } from "../../src/testing/log-cases.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { folder, hurried } from "./disk-support.ts";
import { commands, createModel, perform } from "./model.ts";

describe.each(["process", "disk"] as const)("the disk log with durability %s keeps the contract", (durability) => {
  it.each(Object.entries(logCases))("%s", async (_sentence, run) => {
    const clock = createManualClock(1_700_000_000_000);
    const store = await createDiskLog({ path: await folder(), durability, clock });
    let count = 0;
    const context: LogCaseContext = { store, advance: (ms) => clock.advance(ms), id: () => `id ${++count}` };
    await expect(run(context)).resolves.toBeUndefined();
    await store[Symbol.asyncDispose]();
    expect(clock.timers).toBe(0);
  });
});

describe("the disk log", () => {
  it("answers any commands as the model does", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const clock = createManualClock();
        const path = await folder();
        await using store = await createDiskLog({ path, clock: hurried(clock) });
        const model = createModel();
        for (const drawn of list) {
          const command = model.aim(drawn);
          const answer = await perform(store, clock, command);
          expect({ command, answer }).toEqual({ command, answer: model.answer(command) });
        }
      }),
      { numRuns: 100 },
    );
  });
});
