import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOrder, fold, mergeEvents, mergeRun } from "../../src/chat/index.ts";
import type { RunEvent } from "../../src/chat/index.ts";
import { legalRun } from "./legal-runs.ts";

const text = (delta: string, more: object = {}): RunEvent => ({ type: "text-delta", id: "1", delta, ...more });
const reasoning = (delta: string): RunEvent => ({ type: "reasoning-delta", id: "1", delta });
const input = (inputTextDelta: string, toolCallId = "c"): RunEvent => ({
  type: "tool-input-delta",
  toolCallId,
  inputTextDelta,
});
const providerMetadata = { p: { a: 1 } };

const joined: Readonly<Record<string, readonly [RunEvent, RunEvent, RunEvent]>> = {
  "two deltas of a text": [text("a"), text("b"), text("ab")],
  "two deltas of a reasoning": [reasoning("a"), reasoning("b"), reasoning("ab")],
  "two deltas of a tool's input": [input("{"), input("}"), input("{}")],
  "the halves of a surrogate pair": [text("\ud83d"), text("\ude00"), text("😀")],
  "a delta with metadata and one without": [
    text("a", { providerMetadata }),
    text("b"),
    text("ab", { providerMetadata }),
  ],
  "deltas with equal metadata": [
    text("a", { providerMetadata }),
    text("b", { providerMetadata: { p: { a: 1 } } }),
    text("ab", { providerMetadata }),
  ],
};

const apart: Readonly<Record<string, readonly [RunEvent, RunEvent]>> = {
  "deltas of two texts": [text("a"), text("b", { id: "2" })],
  "deltas of a text and a reasoning of one id": [text("a"), reasoning("b")],
  "deltas of two calls": [input("a"), input("b", "d")],
  "deltas with differing metadata": [text("a", { providerMetadata }), text("b", { providerMetadata: { p: { a: 2 } } })],
  "a delta without metadata and one with it": [text("a"), text("b", { providerMetadata })],
  "deltas of which the first has a key nobody knows": [text("a", { logprobs: [1] }), text("b")],
  "deltas of which the second has a key nobody knows": [text("a"), text("b", { logprobs: [1] })],
  "a start and a delta": [{ type: "text-start", id: "1" }, text("b")],
  "a delta and an end": [text("a"), { type: "text-end", id: "1" }],
  "equal application events": [
    { event: "progress", data: 1 },
    { event: "progress", data: 1 },
  ],
  "a delta and an application event": [text("a"), { event: "text-delta", data: 1 }],
  "data of one id": [
    { type: "data-x", id: "1", data: 1 },
    { type: "data-x", id: "1", data: 2 },
  ],
};

describe("mergeEvents", () => {
  it.each(Object.entries(joined))("joins %s", (_what, [a, b, both]) => {
    const before = JSON.stringify([a, b]);
    expect(mergeEvents(a, b)).toEqual(both);
    expect(JSON.stringify([a, b])).toBe(before);
  });

  it.each(Object.entries(apart))("leaves %s apart", (_what, [a, b]) => {
    expect(mergeEvents(a, b)).toBeUndefined();
  });

  it("leaves the message as it is, wherever a legal run is joined", () => {
    fc.assert(
      fc.property(legalRun(), fc.infiniteStream(fc.boolean()), (run, coin) => {
        const merged = mergeAt(run, () => coin.next().value);
        expect(fold(merged)).toEqual(fold(run));
        expect(JSON.stringify(fold(merged))).toBe(JSON.stringify(fold(run)));
      }),
      { numRuns: 150 },
    );
  });
});

describe("mergeRun", () => {
  it("leaves the message as it is, and the order legal", () => {
    fc.assert(
      fc.property(legalRun(), fc.nat(20), (run, maxLength) => {
        const merged = mergeRun(run, maxLength);
        expect(JSON.stringify(fold(merged))).toBe(JSON.stringify(fold(run)));
        const order = createOrder();
        for (const event of merged) order.accept(event);
        expect(order.ended).toBe(true);
      }),
    );
  });

  it("never joins beyond maxLength, and never leaves two deltas apart that would fit", () => {
    fc.assert(
      fc.property(legalRun(), fc.nat(20), (run, maxLength) => {
        const merged = mergeRun(run, maxLength);
        const given = new Set(run);
        const made = merged.filter((event) => !given.has(event)).map(lengthOf);
        const pairs = merged.slice(1).map((event, index) => mergeEvents(merged[index]!, event));
        const missed = pairs.filter((both) => both !== undefined && lengthOf(both) <= maxLength);
        expect(made.filter((length) => length > maxLength)).toEqual([]);
        expect(missed).toEqual([]);
      }),
    );
  });

  it("gives a run back as it was, event for event, when nothing fits", () => {
    const run = [text("ab"), text("cd"), text("ef")];
    const merged = mergeRun(run, 3);
    expect(merged).toEqual(run);
    expect(merged).not.toBe(run);
  });

  it("leaves an event whole that is longer than maxLength by itself", () => {
    expect(mergeRun([text("a"), text("x".repeat(9)), text("b"), text("c")], 4)).toEqual([
      text("a"),
      text("x".repeat(9)),
      text("bc"),
    ]);
  });

  it("joins up to 16,384 characters unless told otherwise", () => {
    const merged = mergeRun(Array.from({ length: 16_385 }, () => text("x")));
    expect(merged.map(lengthOf)).toEqual([16_384, 1]);
  });

  it("joins neither across an event of another part nor across one of the application", () => {
    const run = [text("a"), reasoning("b"), text("c"), { event: "progress", data: 1 }, text("d")];
    expect(mergeRun(run)).toEqual(run);
  });

  it("makes one event of 100,000 deltas of one part", () => {
    const merged = mergeRun(
      Array.from({ length: 100_000 }, () => text("token ")),
      Number.POSITIVE_INFINITY,
    );
    expect(merged).toEqual([text("token ".repeat(100_000))]);
  });

  it("has nothing to say about an empty run", () => {
    expect(mergeRun([])).toEqual([]);
  });
});

/** The plain way: one event after the other, joined where the coin says so and the rules allow it. */
function mergeAt(run: readonly RunEvent[], coin: () => boolean): RunEvent[] {
  return run.reduce<RunEvent[]>((merged, event) => {
    const last = merged.at(-1);
    const both = last !== undefined && coin() ? mergeEvents(last, event) : undefined;
    return both === undefined ? [...merged, event] : [...merged.slice(0, -1), both];
  }, []);
}

function lengthOf(event: RunEvent): number {
  if ("delta" in event) return event.delta.length;
  return "inputTextDelta" in event ? event.inputTextDelta.length : 0;
}
