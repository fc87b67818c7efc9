import { describe, expect, it } from "vitest";
import { ERROR_CODES, SluiceError, isErrorCode, isSluiceError, publicError } from "../../src/base/index.ts";

describe("a SluiceError", () => {
  it("carries code, message, details and cause", () => {
    const cause = new Error("below");
    const error = new SluiceError("log/gap", "Gone.", { cause, details: { first: "15" } });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "SluiceError", code: "log/gap", message: "Gone.", cause });
    expect(error.details).toEqual({ first: "15" });
    expect(String(error)).toBe("SluiceError: Gone.");
    expect(error.stack).toContain("errors.test");
  });

  it("without options has no cause and no details", () => {
    const error = new SluiceError("run/ended", "Over.");
    expect(error.details).toEqual({});
    expect("cause" in error).toBe(false);
  });

  it("is told from other errors, and by its code", () => {
    const error = new SluiceError("run/ended", "Over.");
    expect(isSluiceError(error)).toBe(true);
    expect(isSluiceError(error, "run/ended")).toBe(true);
    expect(isSluiceError(error, "run/draining")).toBe(false);
    for (const other of [new Error("x"), { code: "run/ended" }, "run/ended", null, undefined]) {
      expect(isSluiceError(other)).toBe(false);
    }
  });
});

describe("the list of codes", () => {
  it("gives each an HTTP status of an error", () => {
    for (const status of Object.values(ERROR_CODES)) {
      expect(Number.isInteger(status) && status >= 400 && status <= 599).toBe(true);
    }
  });

  it("is closed: names of Object.prototype are no codes", () => {
    expect(isErrorCode("run/ended")).toBe(true);
    for (const other of ["toString", "__proto__", "constructor", "", "run/ended ", 7, null, undefined, ["run/ended"]]) {
      expect(isErrorCode(other)).toBe(false);
    }
  });
});

describe("publicError", () => {
  it("lets a coded error speak for itself", () => {
    const error = new SluiceError("llm/stalled", "The model fell silent.");
    expect(publicError(error)).toBe(error);
  });

  it.each([
    new Error("connect ECONNREFUSED 10.0.0.7:5432"),
    new TypeError("x is not a function"),
    Object.assign(new Error("sk-live-123"), { code: "run/ended", status: 200 }),
    "sk-live-123",
    { message: "sk-live-123" },
    null,
    undefined,
    Symbol("sk-live-123"),
  ])("hides the message of any other failure: %s", (failure) => {
    const error = publicError(failure);
    expect(error).toMatchObject({ code: "PROCESSING_ERROR", details: {} });
    expect(error.message).toBe("The answer could not be completed.");
    expect(error.cause).toBe(failure);
    expect(JSON.stringify(error)).not.toContain("sk-live-123");
  });
});
