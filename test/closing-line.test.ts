import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./tree.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-closing-line-"));
  const reporter = JSON.stringify(join(root, "scripts/closing-line.ts"));
  const options = '{ globals: true, include: ["*.test.mjs"], reporters: ["default", new ClosingLine()] }';
  writeFileSync(
    join(folder, "vitest.config.mjs"),
    `import { ClosingLine } from ${reporter};\nexport default { test: ${options} };\n`,
  );
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the last line of a test run", () => {
  it("counts what passed", () => {
    expect(lastLine('it("a", () => {}); it("b", () => {});')).toBe("2 passed, 0 failed");
  });

  it("counts what failed", () => {
    expect(lastLine('it("a", () => {}); it("b", () => { throw new Error("no"); });')).toBe("1 passed, 1 failed");
  });

  it("counts a file that does not load as failed", () => {
    expect(lastLine('it("a", () => {}); throw new Error("no");')).toBe("0 passed, 1 failed");
  });

  it("counts an error outside of every test as failed", () => {
    expect(lastLine('it("a", () => { void Promise.reject(new Error("no")); });')).toBe("1 passed, 1 failed");
  });

  it("counts a hook that fails as failed", () => {
    const failing = 'describe("s", () => { afterAll(() => { throw new Error("no"); }); it("a", () => {}); });';
    expect(lastLine(failing)).toBe("1 passed, 1 failed");
  });

  it("stands below the name of a file whose process died", () => {
    const killed = 'it("a", () => {}); it("b", () => process.kill(process.pid, "SIGKILL"));';
    expect(printed(killed)).toMatch(/^Not finished: some\.test\.mjs$/mu);
    expect(lastLine(killed)).toMatch(/^[01] passed, 1 failed, [12] skipped$/u);
  });
});

function lastLine(source: string): string | undefined {
  return printed(source).split("\n").at(-2);
}

/** What vitest prints for this test file. */
function printed(source: string): string {
  writeFileSync(join(folder, "some.test.mjs"), source);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  return spawnSync(process.execPath, [vitest, "run", "--root", folder], { cwd: folder, encoding: "utf8" }).stdout;
}
