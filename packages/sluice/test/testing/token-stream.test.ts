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

  describe("with a seed", () => {
    async function run(seed: string | number): Promise<{ readonly text: string; readonly times: readonly number[] }> {
      const clock = createManualClock();
      const times: number[] = [];
      let text = "";
      const done = (async () => {
        for await (const token of tokenStream({ count: 300, delayMs: 10, seed, clock })) {
          text += token.text;
          times.push(clock.now());
        }
      })();
      await clock.advance(10_000);
      await done;
      return { text, times };
    }

    it("gives the same text at the same times for the same seed, and others for another", async () => {
      const [first, again, other] = [await run(7), await run("7"), await run(8)];
      expect(again).toEqual(first);
      expect(other.text).not.toBe(first.text);
      expect(other.times).not.toEqual(first.times);
    });

    it("varies: characters of one byte to four, line breaks, delays from none to twice the usual", async () => {
      const { text, times } = await run(1);
      expect(text.startsWith(" ")).toBe(false);
      const sizes = new Set(Array.from(text, (character) => Buffer.byteLength(character)));
      expect([...sizes].sort((a, b) => a - b)).toEqual([1, 2, 3, 4]);
      expect(text).toContain("\n\n");
      const delays = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      expect([Math.min(...delays), Math.max(...delays)]).toEqual([0, 20]);
      expect((times.at(-1) ?? 0) / 299).toBeCloseTo(10, -0.5);
    });

    it("needs no clock where there is no delay", async () => {
      const tokens = await collect(tokenStream({ count: 5, delayMs: 0, seed: "x" }));
      expect(tokens.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    });
  });
});
