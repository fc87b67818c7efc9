import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isObject } from "../../src/base/json.ts";
import { parsePartialJson } from "../../src/client/index.ts";

const value = fc.jsonValue({ noUnicodeString: false, maxDepth: 4 });
const indent = fc.constantFrom(undefined, 2, "\t");
const texts = fc.tuple(value, indent).map(([one, space]) => JSON.stringify(one, undefined, space));
/** With characters beyond ASCII as escapes, as many models write them. */
const escaped = texts.map((text) =>
  text.replace(/[^ -~\n\t]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
);

/** Whether what was shown stays when the rest has come. */
function isPrefix(shown: unknown, final: unknown): boolean {
  if (shown === undefined) return true;
  if (typeof shown === "string") return typeof final === "string" && final.startsWith(shown);
  if (Array.isArray(shown)) return Array.isArray(final) && shown.every((item, index) => isPrefix(item, final[index]));
  if (!isObject(shown)) return Object.is(shown, final);
  return (
    isObject(final) && Object.keys(shown).every((key) => Object.hasOwn(final, key) && isPrefix(shown[key], final[key]))
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("parsePartialJson", () => {
  it("never takes anything back, whatever the JSON and wherever it is cut", () => {
    fc.assert(
      fc.property(fc.oneof(texts, escaped), (text) => {
        const final: unknown = JSON.parse(text);
        let before: unknown;
        for (let length = 0; length < text.length; length += 1) {
          const { value: shown, state } = parsePartialJson(text.slice(0, length));
          // A text that is a number and nothing else is the exception: it is taken at its word.
          if (typeof shown === "number") return;
          expect(state).toBe("partial");
          expect(isPrefix(before, shown)).toBe(true);
          expect(isPrefix(shown, final)).toBe(true);
          before = shown;
        }
        expect(parsePartialJson(text)).toEqual({ value: final, state: "complete" });
        expect(isPrefix(before, final)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("agrees with JSON.parse about what is JSON, and never throws", () => {
    const soup = fc.array(
      fc.constantFrom(...'{}[]",:\\ue1-0. tfn\nx', "true", "null", '"a"', "\\u12", "\uD83D", "__proto__"),
      { maxLength: 12 },
    );
    const any = fc.oneof(
      soup.map((parts) => parts.join("")),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(any, (text) => {
        const { value: shown, state } = parsePartialJson(text);
        let final: { readonly value: unknown } | undefined;
        try {
          final = { value: JSON.parse(text) as unknown };
        } catch {}
        expect(state === "complete").toBe(final !== undefined);
        if (final) expect(shown).toEqual(final.value);
        if (state === "invalid") expect(shown).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
  });

  it("agrees with JSON.parse about every text of up to five pieces", () => {
    const pieces = [...'{}[],:"1a'];
    const differing: string[] = [];
    const check = (text: string, left: number) => {
      const complete = isJson(text);
      const { value: shown, state } = parsePartialJson(text);
      if ((state === "complete") !== complete || (complete && !isDeepStrictEqual(shown, JSON.parse(text)))) {
        differing.push(text);
      }
      if (left > 0) for (const piece of pieces) check(text + piece, left - 1);
    };
    check("", 5);
    expect(differing).toEqual([]);
  });

  it.each([
    ["", undefined],
    [" \n", undefined],
    ["{", {}],
    ['{"na', {}],
    ['{"name"', {}],
    ['{"name":', {}],
    ['{"name": "', { name: "" }],
    ['{"name": "Ad', { name: "Ad" }],
    ['{"name": "Ada", "tags": ["a', { name: "Ada", tags: ["a"] }],
    ['{"n": 12', {}],
    ['{"n": 12,', { n: 12 }],
    ["[1, 2", [1]],
    ["[1, 2 ", [1]],
    ["[-", []],
    ["[tru", []],
    ["[true", []],
    ["[true,", [true]],
    ['["a\\', ["a"]],
    ['["a\\\\', ["a\\"]],
    ['["a\\u00e', ["a"]],
    ['["a\\ud83d', ["a"]],
    ['["a\\ud83d\\ude', ["a"]],
    ['["a\\ud83d\\ude00', ["a😀"]],
    ['["a\\\\ud83d', ["a\\ud83d"]],
    ["nul", undefined],
    ["-", undefined],
    ['{"__proto__": {"x": 1}, "y": "', JSON.parse('{"__proto__": {"x": 1}, "y": ""}')],
  ])("shows what is certain of %j", (text, shown) => {
    const { value: found, state } = parsePartialJson(text);
    expect(JSON.stringify(found)).toBe(JSON.stringify(shown));
    expect(state).toBe("partial");
  });

  it.each([
    "Sure! Here it is:",
    "01",
    "truth",
    '{"a": 1} and more',
    '{}"a',
    '[{}"a',
    '{"a": 1}, {',
    "{a",
    '{"a" 1',
    '{"a": 1 b',
    '{"a": "\\q',
    '["a\\u12g',
    '["a\nb',
    "[1 2",
    "[1,,2,",
    "[}",
    "]",
    ",",
    '["a"}',
    "[NaN",
    "[Infinity",
    "['a'",
    "[.5",
    "// no",
  ])("knows that %j becomes no JSON any more", (text) => {
    expect(parsePartialJson(text)).toEqual({ value: undefined, state: "invalid" });
  });

  it("takes time in proportion to the text, and depth as it comes", () => {
    const deep = "[".repeat(100_000);
    expect(parsePartialJson(deep).state).toBe("partial");
    expect(parsePartialJson(`{"${"\\".repeat(1_000_000)}`).state).toBe("partial");
    expect(parsePartialJson(`["${"x".repeat(1_000_000)}\\`)).toMatchObject({ state: "partial" });
  });

  // Two patterns in a row shared a run of space in every possible way: a model that wrote blanks for ever and then a word
  // stopped its reader's page for seconds, with each frame anew. This many would have taken more than a minute.
  it.each(["[", '{"a":', '{"a"', "[1,"])("takes time in proportion to the space behind %j", (text) => {
    const space = " ".repeat(500_000);
    expect(parsePartialJson(`${text}${space}`).state).toBe("partial");
    expect(parsePartialJson(`${text}${space}x`)).toEqual({ value: undefined, state: "invalid" });
  });
});
