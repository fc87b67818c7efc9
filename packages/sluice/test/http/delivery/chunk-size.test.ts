import { describe, expect, it } from "vitest";
import { aiSdkDialect } from "../../../src/dialects/index.ts";
import { optimalChunkSize } from "../../../src/http/index.ts";
import { createBench, until } from "./support.ts";

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
});
