import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeComment, encodeEvent, type SSEMessage } from "../../src/sse/index.ts";
import { readBySpec } from "./oracle.ts";
import { anyText, messages, toBytes } from "./support.ts";

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

describe("encodeEvent", () => {
  it("writes the wire format of the document", () => {
    const wire =
      encodeEvent({ event: "message", id: "1", data: { content: "Hello, world!" } }) +
      encodeEvent({ event: "done", data: {} });
    expect(wire).toBe('event: message\nid: 1\ndata: {"content":"Hello, world!"}\n\nevent: done\ndata: {}\n\n');
  });

  it("writes event, id, retry, data in this order, whatever the order of the keys", () => {
    expect(encodeEvent({ data: "d", retry: 3000, id: "i", event: "e" })).toBe(
      "event: e\nid: i\nretry: 3000\ndata: d\n\n",
    );
  });

  it.each([
    ["LF", "a\nb"],
    ["CR", "a\rb"],
    ["CRLF", "a\r\nb"],
  ])("makes a data: line of its own of what follows a %s", (_name, data) => {
    expect(encodeEvent({ data })).toBe("data: a\ndata: b\n\n");
  });

  it("keeps line breaks at the ends, empty lines and leading spaces", () => {
    expect(encodeEvent({ data: "\n a\n\r\n" })).toBe("data: \ndata:  a\ndata: \ndata: \n\n");
  });

  it("writes what is not a string as one line of JSON", () => {
    expect(encodeEvent({ data: { a: "x\r\ny", b: [1, null] } })).toBe('data: {"a":"x\\r\\ny","b":[1,null]}\n\n');
    expect(encodeEvent({ data: null })).toBe("data: null\n\n");
    expect(encodeEvent({ data: false })).toBe("data: false\n\n");
  });

  it("writes empty data, so that the event is dispatched", () => {
    expect(encodeEvent({ data: "" })).toBe("data: \n\n");
    expect(encodeEvent({ event: "done" })).toBe("event: done\ndata: \n\n");
    expect(encodeEvent({ event: "done", data: undefined })).toBe("event: done\ndata: \n\n");
  });

  it("writes retry or id alone as a block without data", () => {
    expect(encodeEvent({ retry: 3000 })).toBe("retry: 3000\n\n");
    expect(encodeEvent({ id: "" })).toBe("id: \n\n");
  });

  it("refuses a message without any part", () => {
    expect(codeOf(() => encodeEvent({}))).toBe("sse/invalid-data");
    expect(codeOf(() => encodeEvent({ data: undefined }))).toBe("sse/invalid-data");
  });

  it("refuses data without a JSON form and keeps the cause", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    for (const data of [() => {}, Symbol("x"), 1n, cyclic]) {
      expect(codeOf(() => encodeEvent({ data }))).toBe("sse/invalid-data");
    }
    expect(() => encodeEvent({ data: cyclic })).toThrow(
      expect.objectContaining({ code: "sse/invalid-data", cause: expect.any(TypeError) }),
    );
  });

  it.each(["event", "id"] as const)("refuses CR, LF and NUL in %s, and does not repeat the value", (field) => {
    for (const bad of ["\r", "\n", "\r\n", "\0", "secret\ndata: forged\n\n", "secret\r", "\nsecret"]) {
      expect(() => encodeEvent({ [field]: bad, data: "d" })).toThrow(
        expect.objectContaining({
          code: "sse/invalid-field",
          details: { field },
          message: expect.not.stringContaining("secret"),
        }),
      );
    }
  });

  it.each(["event", "id"])("refuses a value of %s that is not a string", (field) => {
    // An object's toString would run after the check, and could answer differently the second time.
    for (const bad of [1, null, ["a"], { toString: () => "a\ndata: forged" }]) {
      expect(codeOf(() => encodeEvent({ [field]: bad, data: "d" }))).toBe("sse/invalid-field");
    }
  });

  it("refuses a retry that is not a whole number from 0", () => {
    for (const retry of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1\ndata: forged", null]) {
      const message = { retry } as SSEMessage;
      expect(codeOf(() => encodeEvent(message))).toBe("sse/invalid-field");
    }
  });

  it("sends lone surrogates as U+FFFD in every field, and keeps pairs", () => {
    const wire = toBytes(encodeEvent({ event: "\ud800", id: "\udc00", data: "\ud83d\n\ude00\ud83d\ude00" }));
    expect(Buffer.from(wire).toString("hex")).toBe(
      Buffer.from("event: \ufffd\nid: \ufffd\ndata: \ufffd\ndata: \ufffd\u{1f600}\n\n").toString("hex"),
    );
  });

  it("leaves lone surrogates of a JSON value as escapes", () => {
    expect(encodeEvent({ data: { text: "\ud800" } })).toBe('data: {"text":"\\ud800"}\n\n');
  });
});

describe("encodeComment", () => {
  it("writes a heartbeat and a text", () => {
    expect(encodeComment()).toBe(":\n\n");
    expect(encodeComment("hello")).toBe(": hello\n\n");
  });

  it("makes a comment of each line", () => {
    expect(encodeComment("a\n\ndata: forged\r\n\r\nevent: x\rid: 1")).toBe(
      ": a\n: \n: data: forged\n: \n: event: x\n: id: 1\n\n",
    );
  });
});

describe("injection", () => {
  it("no legal message becomes two events, a comment or another field", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const { events, comments, retries } = readBySpec(toBytes(encodeEvent(message)));
        const dispatches = message.data !== undefined || message.event !== undefined;
        expect(events.length).toBe(dispatches ? 1 : 0);
        expect(comments).toEqual([]);
        expect(retries).toEqual(message.retry === undefined ? [] : [message.retry]);
      }),
    );
  });

  it("no comment becomes anything but comments", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { events, comments, retries } = readBySpec(toBytes(`${encodeComment(text)}data: after\n\n`));
        expect(events).toEqual([{ event: "message", data: "after" }]);
        expect(comments.length).toBe(text.split(/\r\n|\r|\n/).length);
        expect(retries).toEqual([]);
      }),
    );
  });

  it("any event or id is either refused with a code or read back as it is", () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom("event" as const, "id" as const), (value, field) => {
        const message = { [field]: value, data: "d" };
        if (/[\r\n\0]/.test(value)) expect(codeOf(() => encodeEvent(message))).toBe("sse/invalid-field");
        else expect(readBySpec(toBytes(encodeEvent(message))).events.length).toBe(1);
      }),
    );
  });
});
