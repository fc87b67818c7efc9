import { describe, expect, it, vi } from "vitest";
import { createManualClock, tokenStream, type TestToken } from "../../src/testing/index.ts";

async function collect(tokens: AsyncIterable<TestToken>, into: TestToken[] = []): Promise<TestToken[]> {
  for await (const token of tokens) into.push(token);
  return into;
}

describe("tokenStream", () => {
  it("gives 100 tokens, 10 ms apart, with their number, text and time", async () => {
    const clock = createManualClock(Date.UTC(2026, 10, 21, 14, 5, 9));
    const tokens: TestToken[] = [];
    const done = collect(tokenStream({ clock }), tokens);
    await clock.advance(0);
    expect(tokens).toEqual([{ index: 0, text: "Token 0", timestamp: "2026-11-21 14:05:09" }]);
    await clock.advance(9);
    expect(tokens).toHaveLength(1);
    await clock.advance(1);
    expect(tokens).toHaveLength(2);
    await clock.advance(980);
    await done;
    expect(tokens).toHaveLength(100);
    expect(tokens.at(-1)).toEqual({ index: 99, text: "Token 99", timestamp: "2026-11-21 14:05:09" });
    expect(clock.timers).toBe(0);
  });

  // Its timers did not keep the process alive: a script ended after the first token, without a word.
  // Whoever tried a consumer with it took that for the whole stream.
  it("keeps a script alive to its end", async () => {
    const timers = vi.spyOn(globalThis, "setTimeout");
    await collect(tokenStream({ count: 2, delayMs: 1 }));
    expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([true]);
    timers.mockRestore();
  });

  it("gives as many as it is told, without a wait when there is to be none", async () => {
    expect((await collect(tokenStream({ count: 3, delayMs: 0 }))).map(({ text }) => text)).toEqual([
      "Token 0",
      "Token 1",
      "Token 2",
    ]);
    expect(await collect(tokenStream({ count: 0 }))).toEqual([]);
  });
});
