import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { repositoryFiles, textOf } from "./tree.ts";

type Kind = "dependencies" | "devDependencies" | "peerDependencies" | "optionalDependencies";
type Entry = { readonly [kind in Kind]?: Readonly<Record<string, string>> };

describe("the lock file", () => {
  it("keeps addresses out: .npmrc says so to npm", () => {
    expect(textOf(".npmrc")).toContain("omit-lockfile-registry-resolved=true");
  });

  it("agrees with every package.json, as npm ci demands", () => {
    const manifests = repositoryFiles().filter((path) => /^(?:[^/]+\/[^/]+\/)?package\.json$/.test(path));
    const packages = lock();
    const wrong = manifests.filter((path) => {
      const entry = packages[path.replace(/\/?package\.json$/, "")];
      return entry === undefined || !isDeepStrictEqual(wantsOf(entry), wantsOf(JSON.parse(textOf(path)) as Entry));
    });
    expect(wrong).toEqual([]);
  });

  // npm leaves out the builds for other systems when its registry does not have them. The next `npm ci` then refuses
  // the lock file: nobody could start from a fresh clone.
  it("has every package that its packages name, for every system", () => {
    const packages = lock();
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !placesOf(path, name).some((place) => packages[place] !== undefined))
        .map((name) => `${path} -> ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

function wantsOf(entry: Entry): Entry {
  const { dependencies = {}, devDependencies = {}, peerDependencies = {}, optionalDependencies = {} } = entry;
  return { dependencies, devDependencies, peerDependencies, optionalDependencies };
}

function lock(): Readonly<Record<string, Entry>> {
  return (JSON.parse(textOf("package-lock.json")) as { packages: Readonly<Record<string, Entry>> }).packages;
}

/** Where Node looks for a package from the folder `from`, nearest first. */
function placesOf(from: string, name: string): readonly string[] {
  const folders = from.split("/").map((_, index, parts) => parts.slice(0, parts.length - index).join("/"));
  return [...folders.map((folder) => `${folder}/node_modules/${name}`), `node_modules/${name}`];
}
