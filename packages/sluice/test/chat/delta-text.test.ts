import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DELTA_END, TEXT_DELTA, splitDelta } from "../../src/chat/delta-text.ts";
import { legalRun } from "./legal-runs.ts";

// What would be mistaken for the end of a string, or of the event.
const tricky = fc.constantFrom(
  '"',
  "\\",
  '\\"',
  '"}',
  '","delta":"',
  "\u2028",
  "\n",
  "\ud83d",
  "\ude00",
  "\ud83d\ude00",
);
const text = fc
  .array(fc.oneof(fc.string({ unit: "binary", maxLength: 5 }), tricky), { maxLength: 6 })
  .map((parts) => parts.join(""));

const KINDS = [
  { type: "text-delta", id: "id", delta: "delta" },
  { type: "reasoning-delta", id: "id", delta: "delta" },
  { type: "tool-input-delta", id: "toolCallId", delta: "inputTextDelta" },
] as const;
const kind = fc.constantFrom(...KINDS);

interface AnyDelta {
  readonly json: string;
  readonly delta: string;
}

/** Deltas of every kind, with ids, deltas and further keys of any text, and their keys in any order. */
const anyDelta: fc.Arbitrary<AnyDelta> = fc
  .tuple(
    kind,
    text,
    text,
    fc.dictionary(fc.oneof(text, fc.constantFrom("providerMetadata", "delta", "id")), fc.jsonValue(), { maxKeys: 2 }),
    fc.boolean(),
  )
  .map(([names, id, delta, more, moreFirst]) => {
    const own = { type: names.type, [names.id]: id, [names.delta]: delta };
    return { json: JSON.stringify(moreFirst ? { ...more, ...own } : { ...own, ...more, ...own }), delta };
  });

const plainDelta = fc
  .tuple(kind, fc.constantFrom("t", "", "__proto__", 'a"b', "a\\", "é"), fc.array(text, { minLength: 1, maxLength: 5 }))
  .map(([names, id, deltas]) => ({
    names,
    deltas,
    texts: deltas.map((delta) => JSON.stringify({ type: names.type, [names.id]: id, [names.delta]: delta })),
  }));

describe("splitDelta", () => {
  it("takes the text of a delta into pieces that make it up, or leaves it", () => {
    fc.assert(
      fc.property(anyDelta, ({ json, delta }) => {
        const split = splitDelta(json);
        if (split === undefined) return;
        expect(split.head + split.literal + DELTA_END).toBe(json);
        expect(JSON.parse(`"${split.literal}"`)).toBe(delta);
        expect(Object.keys(JSON.parse(json) as object)).toHaveLength(3);
      }),
      { numRuns: 500 },
    );
  });

  it("gives deltas of one part the same head, and a joined text that is the joined deltas", () => {
    fc.assert(
      fc.property(plainDelta, ({ names, deltas, texts }) => {
        const splits = texts.map(splitDelta);
        const head = splits[0]?.head;
        if (head === undefined) {
          expect(splits.every((split) => split === undefined)).toBe(true);
          return;
        }
        expect(splits.every((split) => split?.head === head)).toBe(true);
        const joined = head + splits.map((split) => split?.literal).join("") + DELTA_END;
        const { [names.delta]: whole, ...rest } = JSON.parse(joined) as Record<string, unknown>;
        expect(whole).toBe(deltas.join(""));
        const { [names.delta]: _, ...first } = JSON.parse(texts[0] ?? "") as Record<string, unknown>;
        expect(rest).toEqual(first);
      }),
      { numRuns: 300 },
    );
  });

  it.each(KINDS)("takes every $type with an ordinary id, whatever it says", (names) => {
    fc.assert(
      fc.property(text, (delta) => {
        const json = JSON.stringify({ type: names.type, [names.id]: "t_1", [names.delta]: delta });
        expect(splitDelta(json)).toBeDefined();
        expect(splitDelta(json)?.head.startsWith(TEXT_DELTA)).toBe(names.type === "text-delta");
      }),
    );
  });

  it("tells the heads of different parts, kinds and tools apart", () => {
    const heads = [
      { type: "text-delta", id: "1", delta: "" },
      { type: "text-delta", id: "2", delta: "" },
      { type: "reasoning-delta", id: "1", delta: "" },
      { type: "tool-input-delta", toolCallId: "1", inputTextDelta: "" },
      { type: "tool-input-delta", toolCallId: "11", inputTextDelta: "" },
    ].map((event) => splitDelta(JSON.stringify(event))?.head);
    expect(heads).not.toContain(undefined);
    expect(new Set(heads).size).toBe(5);
  });

  it("leaves what carries more than its delta", () => {
    for (const more of [{ providerMetadata: { p: { n: "x" } } }, { note: "x" }, { note: 'x"}' }, { event: "x" }]) {
      expect(splitDelta(JSON.stringify({ type: "text-delta", id: "t", delta: "a", ...more }))).toBeUndefined();
    }
  });

  it("leaves every event of a run that is no delta", () => {
    fc.assert(
      fc.property(legalRun(), (events) => {
        for (const event of events) {
          const isDelta = "type" in event && event.type.endsWith("-delta");
          if (splitDelta(JSON.stringify(event)) !== undefined) expect(isDelta).toBe(true);
        }
      }),
    );
  });

  it("takes time in proportion to the text, also where it is all backslashes and quotation marks", () => {
    const delta = '\\"'.repeat(200_000);
    const json = JSON.stringify({ type: "text-delta", id: "t", delta });
    expect(splitDelta(json)?.literal.length).toBe(json.length - '{"type":"text-delta","id":"t","delta":""}'.length);
  }, 2_000);
});
