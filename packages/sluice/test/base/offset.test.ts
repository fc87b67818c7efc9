import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { START, formatOffset, formatPosition, parsePosition } from "../../src/base/offset.ts";

const sequence = fc.oneof(
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 200 }),
  // Around the powers of ten, where the number of digits changes.
  fc
    .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: -2, max: 2 }))
    .map(([e, by]) => Math.max(0, 10 ** e + by)),
);

describe("an offset", () => {
  it.each([
    [0, "10"],
    [5, "15"],
    [12, "212"],
    [999_999_999, "9999999999"],
    [1_000_000_000, "a1000000000"],
    [Number.MAX_SAFE_INTEGER, "g9007199254740991"],
  ])("of entry %i is %s", (entry, text) => {
    expect(formatOffset(entry)).toBe(text);
    expect(parsePosition(text)).toEqual({ sequence: entry, skip: 0 });
  });

  it("before the first entry is START", () => {
    expect(formatOffset(0)).toBe(START);
  });

  it("compares as a string, byte by byte, as its number does", () => {
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const order = Buffer.compare(Buffer.from(formatOffset(a)), Buffer.from(formatOffset(b)));
        expect(order).toBe(Math.sign(a - b));
        expect(formatOffset(a) < formatOffset(b)).toBe(a < b);
      }),
    );
  });

  it("comes back as it was, with the frames to skip", () => {
    fc.assert(
      fc.property(sequence, fc.integer({ min: 0, max: 999_999_999 }), (entry, skip) => {
        const position = { sequence: entry, skip };
        expect(parsePosition(formatPosition(position))).toEqual(position);
      }),
    );
  });

  it.each([
    "",
    "0",
    "1",
    "15 ",
    " 15",
    "15\n",
    "25",
    "115",
    "205",
    "00",
    "-15",
    "1-5",
    "15.",
    "15.0",
    "15.01",
    "15.-1",
    "15.1.1",
    "15.1000000000",
    "1５",
    "1٥",
    "A1000000000",
    "h00000000000000000",
    "g9007199254740992",
    "g9007199254740993",
    "g9999999999999999",
    "31e3",
    "run_1~15",
    "undefined",
    "__proto__",
    "\0",
    "\ud800",
    "9".repeat(1_000_000),
  ])("is refused when it is malformed: %j", (text) => {
    expect(() => parsePosition(text)).toThrow(
      expect.objectContaining({ code: "offset/malformed", details: { field: "Last-Event-ID" } }),
    );
  });

  it("has one spelling only: a text that is taken is the one that is written", () => {
    const texts = fc.oneof(fc.stringMatching(/^[0-9a-h]{1,4}(\.[0-9]{1,3})?$/), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(texts, (text) => {
        let position;
        try {
          position = parsePosition(text);
        } catch {
          return;
        }
        expect(formatPosition(position)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it("that is huge is not repeated in the message", () => {
    let message = "";
    try {
      parsePosition("7".repeat(1_000_000));
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("777…");
    expect(message.length).toBeLessThan(200);
  });
});
