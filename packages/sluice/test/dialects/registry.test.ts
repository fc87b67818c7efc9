import { describe, expect, it } from "vitest";
import { SluiceError } from "../../src/base/errors.ts";
import { createDialects, simpleDialect } from "../../src/dialects/index.ts";

describe("createDialects", () => {
  it("has the built-in dialects when none are given", () => {
    const dialects = createDialects();
    expect(dialects.names).toEqual(["simple", "graph", "graph-channels", "ai-sdk", "envelope", "update", "text"]);
    for (const name of dialects.names) expect(dialects.get(name).name).toBe(name);
  });

  it.each(["", "Simple", "toString", "__proto__"])("refuses %j and tells what there is", (name) => {
    const dialects = createDialects();
    const error = thrownBy(() => dialects.get(name));
    expect(error.code).toBe("dialect/unknown");
    expect(error.details).toEqual({
      field: "dialect",
      allowed: ["simple", "graph", "graph-channels", "ai-sdk", "envelope", "update", "text"],
    });
  });

  it("lets the later of two with one name count", () => {
    const own = { ...simpleDialect, headers: { "x-own": "1" } };
    const dialects = createDialects([simpleDialect, own]);
    expect(dialects.names).toEqual(["simple"]);
    expect(dialects.get("simple")).toBe(own);
  });
});

function thrownBy(run: () => unknown): SluiceError {
  try {
    run();
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown.");
}
