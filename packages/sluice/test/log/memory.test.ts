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

  // A page cost as much as all the owner's runs together: one who had many made every list slow for all.
  it("looks at no more logs than a page of a list holds, and one, wherever the page begins", async () => {
    const clock = createManualClock();
    let looks = 0;
    const now = (): number => {
      looks += 1; // once for each closed log, to see whether it has expired
      return clock.now();
    };
    const store = createMemoryLog({ clock: { now, timer: clock.timer } });
    for (let index = 0; index < 2_000; index += 1) {
      const { fence } = await store.create(`${index}`, { owner: "o", meta: {}, ttlMs: 1_000 });
      await store.close(`${index}`, ["t"], { expected: 0, fence });
    }
    looks = 0;
    let before: string | undefined;
    const found: string[] = [];
    do {
      const page = await store.list({ owner: "o", limit: 50, ...(before === undefined ? {} : { before }) });
      found.push(...page.logs.map(({ id }) => id));
      before = page.next;
    } while (before !== undefined);
    expect(found).toEqual(Array.from({ length: 2_000 }, (_, index) => `${1_999 - index}`));
    expect(looks).toBeLessThanOrEqual((2_000 / 50) * 51);
  });
});
