import { expect, it } from "vitest";
import { repositoryFiles, textOf } from "./tree.ts";

it("no source file has more than 400 lines", () => {
  const sources = repositoryFiles().filter((path) => /\.(tsx?|mjs|js|css|lua)$/.test(path));
  const lines = sources.map((path) => ({ path, lines: textOf(path).split("\n").length - 1 }));
  expect(lines.filter((file) => file.lines > 400)).toEqual([]);
});
