import { describe, expect, it } from "vitest";
import { randomId } from "../../src/base/id.ts";

describe("an id", () => {
  it("is its prefix and 128 bits in hex", () => {
    expect(randomId("run")).toMatch(/^run_[0-9a-f]{32}$/);
  });

  it("shows every bit of its randomness, leading zeros too", () => {
    let asked = 0;
    const random = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => {
      asked = bytes.length;
      bytes.set([0, 1, 15, 16, 127, 128, 255, 0, 0, 9, 10, 11, 12, 13, 14, 0]);
      return bytes;
    };
    expect(randomId("node", random)).toBe("node_00010f107f80ff0000090a0b0c0d0e00");
    expect(asked).toBe(16);
  });

  it("is not made twice, and each of its bits is on about half the time", () => {
    const ids = Array.from({ length: 4_000 }, () => randomId("x"));
    expect(new Set(ids).size).toBe(ids.length);
    for (let bit = 0; bit < 128; bit += 1) {
      const on = ids.filter((id) => (BigInt(`0x${id.slice(2)}`) >> BigInt(bit)) & 1n).length;
      expect(on).toBeGreaterThan(1_600);
      expect(on).toBeLessThan(2_400);
    }
  });
});
