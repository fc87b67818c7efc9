import { describe, expect, it } from "vitest";
import { publicNames } from "../scripts/public-names.mjs";
import { repositoryFiles, textOf } from "./tree.ts";

interface Target {
  readonly "@sluice/source": string;
  readonly types: string;
  readonly default: string;
}

const { exports } = JSON.parse(textOf("packages/sluice/package.json")) as { exports: Record<string, string | Target> };
const entries = Object.entries(exports).flatMap(([key, target]) =>
  typeof target === "string" ? [] : [{ key, target }],
);

describe("the exports of the library", () => {
  it("every subpath exports the names in test/exports.json (npm run exports:update rewrites it)", () => {
    expect(publicNames()).toEqual(JSON.parse(textOf("test/exports.json")));
  }, 60_000); // the compiler reads the whole library

  it("every subpath is an index file that exists", () => {
    const files = new Set(repositoryFiles());
    const wrong = entries.filter(({ target }) => !files.has(`packages/sluice/${target["@sluice/source"].slice(2)}`));
    expect(wrong.map(({ key }) => key)).toEqual([]);
  });

  it("source, types and code of a subpath are one file", () => {
    const built = entries.map(({ key, target }) => ({ key, types: target.types, code: target.default }));
    const expected = entries.map(({ key, target }) => {
      const stem = target["@sluice/source"].replace(/^\.\/src\/(.*)\.tsx?$/, "./dist/$1");
      return { key, types: `${stem}.d.ts`, code: `${stem}.js` };
    });
    expect(built).toEqual(expected);
  });

  it("an index file only re-exports, by name", () => {
    const indexes = repositoryFiles().filter((path) => /^packages\/sluice\/src\/[^/]+\/index\.ts$/.test(path));
    const wrong = indexes.filter((path) => {
      const rest = textOf(path)
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
        .replace(/export (type )?\{[^}]*\} from "[^"]+";/g, "")
        .trim();
      return rest !== "";
    });
    expect(wrong).toEqual([]);
  });
});
