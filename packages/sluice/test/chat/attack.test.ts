import { describe, expect, it } from "vitest";
import { fold } from "../../src/chat/index.ts";
import type { RunEvent } from "../../src/chat/index.ts";

const start: RunEvent = { type: "start" };

describe("An event that attacks the prototype of objects", () => {
  const keys = ["__proto__", "constructor", "prototype"];

  it.each(keys)("is harmless: %s in metadata", (key) => {
    const messageMetadata: unknown = JSON.parse(`{"a":1,"${key}":{"polluted":1,"prototype":{"polluted":1}}}`);
    const deeper: unknown = JSON.parse(`{"b":{"c":1,"${key}":{"polluted":1,"prototype":{"polluted":1}}}}`);
    const message = fold([
      { type: "start", messageMetadata },
      { type: "message-metadata", messageMetadata },
      { type: "message-metadata", messageMetadata: deeper },
      { type: "message-metadata", messageMetadata: deeper },
      { type: "finish", messageMetadata },
    ]);
    expect(message.metadata).toMatchObject({ a: 1, b: { c: 1 } });
    expect(Object.getPrototypeOf(message.metadata)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
    expect("polluted" in Object).toBe(false);
  });

  it.each(keys)("is harmless: %s as an id, a tool's name and a key", (key) => {
    const own: RunEvent = JSON.parse(`{"type":"data-${key}","id":"${key}","data":1,"${key}":{"polluted":1}}`);
    const events: RunEvent[] = [
      { type: "text-start", id: key },
      { type: "text-delta", id: key, delta: "x" },
      { type: "tool-input-available", toolCallId: key, toolName: key, input: 1 },
      { type: "tool-output-available", toolCallId: key, output: 2 },
      own,
      own,
    ];
    const types = fold([start, ...events]).parts.map((each) => each.type);
    expect(types).toEqual(["text", `tool-${key}`, `data-${key}`]);
    expect("polluted" in {}).toBe(false);
    expect("polluted" in Object).toBe(false);
  });

  it("is harmless: usage", () => {
    const messageMetadata: unknown = JSON.parse('{"usage":{"__proto__":{"polluted":1},"totalTokens":1}}');
    const { usage } = fold([start, { type: "finish", messageMetadata }]);
    expect(usage).toStrictEqual({ totalTokens: 1 });
    expect("polluted" in {}).toBe(false);
  });
});
