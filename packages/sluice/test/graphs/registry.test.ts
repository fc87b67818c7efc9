import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSluiceError, type SluiceError } from "../../src/base/errors.ts";
import { createRegistry, type Versioned } from "../../src/graphs/index.ts";

const graphs: readonly Versioned[] = [
  { name: "chat", version: "1.0.0" },
  { name: "chat", version: "1.2.0" },
  { name: "chat", version: "1.10.0" },
  { name: "chat", version: "2.0.1", isDefault: true },
  { name: "chat", version: "3.0.0" },
  { name: "ledger", version: "0.9.0" },
  { name: "ledger", version: "0.10.0" },
];

function thrown(run: () => unknown): SluiceError {
  try {
    run();
  } catch (error) {
    if (isSluiceError(error)) return error;
  }
  throw new Error("expected a SluiceError");
}

describe("a graph type", () => {
  const registry = createRegistry(graphs);
  const MEANS: Readonly<Record<string, string>> = {
    "chat::1.2.0": "1.2.0", // exact
    "chat::1.1.0": "1.10.0", // same major, not older: the newest of them
    "chat::1.2.1": "1.10.0",
    "chat::1.11.0": "2.0.1", // none that is not older: the default
    "chat::2.0.0": "2.0.1",
    "chat::9.0.0": "2.0.1",
    chat: "2.0.1",
    ledger: "0.10.0", // no default: the latest
    "ledger::1.0.0": "0.10.0",
    "ledger::0.9.5": "0.10.0",
  };
  it.each(Object.entries(MEANS))("%s means version %s", (asked, version) => {
    expect(registry.resolve(asked).version).toBe(version);
  });

  it.each(["chat::1.2.0", "chat::3.0.0", "ledger::0.9.0"])("%s, strictly, is that version", (asked) => {
    expect(`${asked.split("::")[0]}::${registry.resolve(asked, { strict: true }).version}`).toBe(asked);
  });

  // `a:::1.0.0` was taken for version `:1.0.0` of `a`: such a graph could be registered, and not be asked for by version.
  it.each(["a:", ":", ":a"])("may have the name %s", (name) => {
    const { resolve, types } = createRegistry([
      { name, version: "1.0.0" },
      { name, version: "2.0.0" },
    ]);
    expect(types.map((type) => resolve(type).version)).toEqual(["1.0.0", "2.0.0"]);
    expect(resolve(name).version).toBe("2.0.0");
  });

  it("strictly, and without a version, means the default, else the latest", () => {
    expect(registry.resolve("chat", { strict: true }).version).toBe("2.0.1");
    expect(registry.resolve("ledger", { strict: true }).version).toBe("0.10.0");
  });

  it.each(["chat::1.1.0", "chat::9.0.0"])("%s, strictly, is none", (asked) => {
    expect(thrown(() => registry.resolve(asked, { strict: true })).code).toBe("graph/unknown");
  });

  it.each([
    "",
    "nowhere",
    "chat::",
    "chat::1",
    "chat::v1.0.0",
    "chat::1.0.0::x",
    "chat::01.0.0",
    "chat:1.0.0",
    "__proto__",
  ])("%j is none, and what exists is said", (asked) => {
    const error = thrown(() => registry.resolve(asked));
    expect([error.code, error.details]).toEqual(["graph/unknown", { field: "graphType", allowed: registry.types }]);
  });

  const WRONG: Readonly<Record<string, readonly Versioned[]>> = {
    "a version that is none": [{ name: "a", version: "1.0" }],
    "a name with :: in it": [{ name: "a::b", version: "1.0.0" }],
    "no name": [{ name: "", version: "1.0.0" }],
    "one version twice": [
      { name: "a", version: "1.0.0" },
      { name: "a", version: "1.0.0" },
    ],
    "two defaults": [
      { name: "a", version: "1.0.0", isDefault: true },
      { name: "a", version: "2.0.0", isDefault: true },
    ],
  };
  it.each(Object.entries(WRONG))("cannot be registered with %s", (_what, given) => {
    expect(thrown(() => createRegistry(given)).code).toBe("option/invalid");
  });

  it("is resolved as the rule says, whatever there is and is asked", () => {
    const part = fc.nat({ max: 3 });
    const version = fc.tuple(part, part, part);
    const given = fc.uniqueArray(version, { minLength: 1, maxLength: 8, selector: String });
    fc.assert(
      fc.property(given, version, fc.option(fc.nat({ max: 7 })), fc.boolean(), (versions, asked, preferred, strict) => {
        const all = versions.map((one, index) => ({
          name: "g",
          version: one.join("."),
          isDefault: index === preferred,
        }));
        const resolve = (): string => createRegistry(all).resolve(`g::${asked.join(".")}`, { strict }).version;
        const order = (one: readonly number[]): number => (one[0] ?? 0) * 16 + (one[1] ?? 0) * 4 + (one[2] ?? 0);
        const newest = (some: readonly (readonly number[])[]): string | undefined =>
          [...some].sort((a, b) => order(b) - order(a))[0]?.join(".");
        const exact = versions.find((one) => order(one) === order(asked))?.join(".");
        const compatible = newest(versions.filter((one) => one[0] === asked[0] && order(one) >= order(asked)));
        const usual = all.find(({ isDefault }) => isDefault)?.version ?? newest(versions);
        if (strict && exact === undefined) expect(resolve).toThrow(/There is no graph/);
        else expect(resolve()).toBe(exact ?? compatible ?? usual);
      }),
    );
  });
});
