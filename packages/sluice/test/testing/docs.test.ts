import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../../../../", import.meta.url);
const page = readFileSync(new URL("docs/testing.md", root), "utf8");

it("the code in docs/testing.md is that of files which the tests run", () => {
  const blocks = [...page.matchAll(/^```\w+\n\/\/ (\S+)\n[\s\S]*?^```/gm)];
  expect(blocks.length).toBeGreaterThan(5);
  for (const [block, name] of blocks) {
    const file = readFileSync(new URL(`docs/${name}`, import.meta.url), "utf8");
    expect(block.replace(/^```\w+\n|```$/g, "")).toBe(file);
  }
});
