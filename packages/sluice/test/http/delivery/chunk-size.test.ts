import { describe, expect, it } from "vitest";
import { optimalChunkSize } from "../../../src/http/index.ts";

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
});
