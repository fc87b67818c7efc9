import { SluiceError } from "sluice/errors";
import { describe, expect, it } from "vitest";
import { createLog } from "../src/log.ts";

function logged(error: unknown): Readonly<Record<string, unknown>> {
  let line = "";
  createLog("info", { write: (text) => void (line += text) })("error", "it failed", { run: "run_1", error });
  expect(line.endsWith("\n") && line.indexOf("\n") === line.length - 1).toBe(true);
  return JSON.parse(line) as Record<string, unknown>;
}

describe("the log", () => {
  it("is one line of JSON a call, with time, level, message and fields", () => {
    expect(logged(undefined)).toEqual({
      level: 50,
      time: expect.any(Number) as number,
      run: "run_1",
      msg: "it failed",
    });
  });

  it("says nothing below its level", () => {
    let text = "";
    const log = createLog("error", { write: (line) => void (text += line) });
    log("info", "quiet", {});
    log("warn", "quiet", {});
    log("error", "loud", {});
    expect(text.match(/"msg":"\w+"/g)).toEqual(['"msg":"loud"']);
  });

  it("tells of our own errors what they say, and what lies below", () => {
    const cause = Object.assign(new TypeError("fetch failed"), {
      cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED", syscall: "connect" }),
    });
    expect(logged(new SluiceError("llm/failed", "The model failed.", { cause }))["error"]).toMatchObject({
      name: "SluiceError",
      code: "llm/failed",
      message: "The model failed.",
      cause: { name: "TypeError", message: "fetch failed", cause: { code: "ECONNREFUSED", message: "connect" } },
    });
  });

  it("leaves out what foreign errors say and carry: it may quote a prompt or a key", () => {
    const foreign = Object.assign(new Error("sk-123 is wrong\nin: the prompt"), {
      status: 401,
      headers: { authorization: "sk-123" },
    });
    const syntax = tryParse("the prompt");
    for (const error of [
      foreign,
      syntax,
      new SluiceError("llm/failed", "No.", { cause: foreign }),
      "the prompt",
      { text: "the prompt" },
    ]) {
      const line = JSON.stringify(logged(error));
      expect(line).not.toMatch(/sk-123|the prompt/);
    }
    expect(logged(foreign)["error"]).toMatchObject({
      name: "Error",
      status: 401,
      stack: expect.any(Array) as string[],
    });
  });
});

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}
