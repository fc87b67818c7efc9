import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventEncoder, encodeEvent, type SSEMessage } from "../../src/sse/index.ts";

const field = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("", "chunk", "é", "a\nb", "a\0"));
const messages = fc.array(
  fc.record<SSEMessage>(
    { event: field, id: field, retry: fc.nat(), data: fc.oneof(field, fc.json(), fc.jsonValue()) },
    { requiredKeys: [] },
  ),
  { maxLength: 20 },
);

function plain(list: readonly SSEMessage[]): Uint8Array | string {
  try {
    return Buffer.from(list.map(encodeEvent).join(""));
  } catch (error) {
    return String(error);
  }
}

function fast(list: readonly SSEMessage[]): Uint8Array | string {
  try {
    return encodeEvents(list);
  } catch (error) {
    return String(error);
  }
}

const encodeEvents = createEventEncoder();

describe("an event encoder", () => {
  it("gives the bytes of encodeEvent for each message, one behind the other, and its errors", () => {
    fc.assert(
      fc.property(messages, (list) => {
        const [expected, given] = [plain(list), fast(list)];
        if (typeof expected === "string") expect(given).toBe(expected);
        else expect(Buffer.compare(Buffer.from(given as Uint8Array), expected)).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it("grows over any size, with characters of one to four bytes", () => {
    const list = Array.from({ length: 300 }, (_, index) => ({ id: String(index), data: "aé漢😀".repeat(index) }));
    expect(Buffer.compare(encodeEvents(list), plain(list) as Uint8Array)).toBe(0);
  });

  it("gives memory that it does not use again", () => {
    const first = encodeEvents([{ data: "first" }]);
    encodeEvents([{ data: "other" }]);
    expect(Buffer.from(first).toString()).toBe("data: first\n\n");
  });

  it("leaves an id that is empty, and an event without data, as encodeEvent has them", () => {
    const list = [{ id: "", data: "x" }, { event: "ping" }, { retry: 5 }, { event: "", data: "" }];
    expect(Buffer.from(encodeEvents(list)).toString()).toBe(list.map(encodeEvent).join(""));
  });
});
