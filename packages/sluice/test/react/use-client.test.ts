import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const folder = new URL("../../src/react/", import.meta.url);
const index = readFileSync(new URL("index.ts", folder), "utf8");
const files = [...index.matchAll(/^export \{[^}]*\} from "\.\/(.+)";$/gm)].map(([, file = ""]) => file);

// Next renders what has no such line on the server, where there is no state. The index itself has none: what a server
// imports from it is then a reference to the file that has.
describe("for Next's app router", () => {
  it("the index hands on hooks", () => {
    expect(files).toContain("use-event-source.ts");
  });

  for (const file of files) {
    it(`${file} says first, also when it is built, that it belongs to the browser`, () => {
      const source = readFileSync(new URL(file, folder), "utf8");
      const { module, target } = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
      const { outputText } = ts.transpileModule(source, { compilerOptions: { module, target } });
      expect([source, outputText].map((text) => text.split("\n")[0])).toEqual(['"use client";', '"use client";']);
    });
  }
});
