import { describe, expect, it } from "vitest";
import { aiSdkDialect } from "../../../src/dialects/index.ts";
import { optimalChunkSize } from "../../../src/http/index.ts";
import { createBench, turn, until } from "./support.ts";

describe("the size of a piece for a reader with so many bytes to get", () => {
  const sizes: readonly (readonly [bytes: number | undefined, size: number])[] = [
    [undefined, 4_096],
    [0, 512],
    [1_023, 512],
    [1_024, 2_048],
    [10_239, 2_048],
    [10_240, 4_096],
    [102_399, 4_096],
    [102_400, 8_192],
    [1_048_575, 8_192],
    [1_048_576, 16_384],
    [Infinity, 16_384],
  ];
  it.each(sizes)("is for %s bytes: %s", (bytes, size) => {
    expect(optimalChunkSize(bytes)).toBe(size);
  });

  it.each([900, 9_000, 90_000, 900_000, 2_000_000])(
    "is what a reader is sent who is %s bytes behind",
    async (bytes) => {
      const bench = await createBench();
      await bench.append({ type: "text-start", id: "t" });
      const delta = { type: "text-delta", id: "t", delta: "twenty letters a bit" } as const;
      await bench.append(...Array.from({ length: Math.ceil(bytes / JSON.stringify(delta).length) }, () => delta));
      await bench.close({ type: "text-end", id: "t" }, { type: "finish" });
      // Whose terminal does not repeat the answer.
      const reader = await bench.join(aiSdkDialect);
      await until(() => reader.over);
      const size = optimalChunkSize(bytes);
      expect(reader.largest).toBeLessThanOrEqual(size);
      expect(reader.largest).toBeGreaterThan(size - 150); // whole frames
    },
  );

  it("is for what was read when a live reader has fallen behind, however little there was when it came", async () => {
    const bench = await createBench();
    await bench.append({ type: "text-start", id: "t" });
    const reader = await bench.join(aiSdkDialect);
    const other = await bench.join(aiSdkDialect); // keeps the feed going, past its window
    reader.full = true;
    const delta = { type: "text-delta", id: "t", delta: "twenty letters a bit" } as const;
    for (let left = 40; left > 0; left -= 1) {
      await bench.append(...Array.from({ length: 100 }, () => delta));
      await turn();
    }
    await bench.close({ type: "text-end", id: "t" }, { type: "finish" });
    await until(() => other.over);
    const before = reader.pieces;
    reader.full = false;
    await until(() => reader.over);
    expect(reader.text).toBe(other.text);
    // 330 KB in pieces of about 4 KiB.
    expect(reader.pieces - before).toBeLessThan(120);
  });
});
