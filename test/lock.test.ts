import { describe, expect, it } from "vitest";
import { textOf } from "./tree.ts";

interface Entry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe("the lock file", () => {
  it("keeps addresses out: .npmrc says so to npm", () => {
    expect(textOf(".npmrc")).toContain("omit-lockfile-registry-resolved=true");
  });

  // npm leaves out the builds for other systems when its registry does not have them. The next `npm ci` then refuses
  // the lock file: nobody could start from a fresh clone.
  it("has every package that its packages name, for every system", () => {
    const { packages } = JSON.parse(textOf("package-lock.json")) as { packages: Readonly<Record<string, Entry>> };
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !placesOf(path, name).some((place) => packages[place] !== undefined))
        .map((name) => `${path} -> ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

/** Where Node looks for a package from the folder `from`, nearest first. */
function placesOf(from: string, name: string): readonly string[] {
  const folders = from.split("/").map((_, index, parts) => parts.slice(0, parts.length - index).join("/"));
  return [...folders.map((folder) => `${folder}/node_modules/${name}`), `node_modules/${name}`];
}
