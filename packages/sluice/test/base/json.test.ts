import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, isObject } from "../../src/base/json.ts";

/** The same value with the keys of every object in another order. */
function shuffled(value: unknown, turn: number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, turn));
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  const rotated = [...keys.slice(turn % (keys.length || 1)), ...keys.slice(0, turn % (keys.length || 1))].toReversed();
  const copy: Record<string, unknown> = {};
  for (const key of rotated) {
    const item = shuffled(value[key], turn);
    Object.defineProperty(copy, key, { value: item, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

describe("canonical JSON", () => {
  it("sorts the keys of every object and leaves arrays alone", () => {
    expect(canonicalJson({ b: [3, { d: 1, c: 2 }, 1], a: { "": 0, A: 1 } })).toBe(
      '{"a":{"":0,"A":1},"b":[3,{"c":2,"d":1},1]}',
    );
  });

  it("is the same for two values that are equal, in whatever order their keys came", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (value, turn) => {
        expect(canonicalJson(shuffled(value, turn))).toBe(canonicalJson(value));
      }),
    );
  });

  it("differs for two values that differ, and means what it says", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        // JSON has no negative zero.
        const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
        expect(plain(JSON.parse(canonicalJson(a)))).toEqual(plain(a));
        const same = canonicalJson(a) === canonicalJson(b);
        expect(same).toBe(canonicalJson(plain(a)) === canonicalJson(plain(b)));
        if (same) expect(plain(a)).toEqual(plain(b));
      }),
    );
  });

  it("keeps a key `__proto__` as a key like any other, so that bodies that differ in it differ", () => {
    const parse = (text: string): unknown => JSON.parse(text);
    const evil = parse('{"z":1,"__proto__":{"y":2,"x":3},"constructor":0}');
    expect(canonicalJson(evil)).toBe('{"__proto__":{"x":3,"y":2},"constructor":0,"z":1}');
    expect(canonicalJson(parse('{"__proto__":{"a":1}}'))).not.toBe(canonicalJson({}));
    expect(canonicalJson(parse('{"__proto__":1}'))).not.toBe(canonicalJson(parse('{"__proto__":2}')));
    expect(({} as Record<string, unknown>)["y"]).toBeUndefined();
  });

  it("treats keys that look like numbers as keys: their order in the value means nothing", () => {
    expect(canonicalJson({ "10": 1, "9": 2, a: 3, "-1": 4 })).toBe(canonicalJson({ a: 3, "-1": 4, "9": 2, "10": 1 }));
  });

  it("writes what JSON.stringify would: dates as text, undefined left out", () => {
    expect(canonicalJson({ when: new Date(0), not: undefined, list: [undefined] })).toBe(
      '{"list":[null],"when":"1970-01-01T00:00:00.000Z"}',
    );
  });

  it("throws for what JSON cannot hold", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    expect(() => canonicalJson(circular)).toThrow(RangeError);
    expect(() => canonicalJson({ n: 1n })).toThrow(TypeError);
  });
});

describe("isObject", () => {
  it("is true of records, and not of null, arrays and what is no object", () => {
    for (const value of [{}, Object.create(null), new Map()]) expect(isObject(value)).toBe(true);
    for (const value of [null, undefined, [], "x", 1, () => 1]) expect(isObject(value)).toBe(false);
  });
});
