import { ERROR_CODES } from "sluice/errors";
import { describe, expect, it } from "vitest";
import { textOf } from "./tree.ts";

interface Row {
  readonly code: string;
  readonly status: number;
  readonly when: string;
  readonly remedy: string;
}

const rows: readonly Row[] = textOf("docs/errors.md")
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const [code = "", status = "", when = "", remedy = ""] = line.slice(1, -1).split(/(?<!\\)\|/);
    return { code: code.trim().replaceAll("`", ""), status: Number(status), when: when.trim(), remedy: remedy.trim() };
  });

describe("docs/errors.md", () => {
  it("lists every code once, with the status it answers with", () => {
    const listed = rows.map(({ code, status }) => `${code} ${status}`);
    const declared = Object.entries(ERROR_CODES).map(([code, status]) => `${code} ${status}`);
    expect(listed.sort()).toEqual(declared.sort());
  });

  it("says of each when it happens and what to do", () => {
    expect(rows.filter(({ when, remedy }) => when === "" || remedy === "").map(({ code }) => code)).toEqual([]);
  });
});
