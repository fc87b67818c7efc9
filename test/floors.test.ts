import { describe, expect, it } from "vitest";
import { importsOf, librarySources, repositoryFiles, targetOf, textOf } from "./tree.ts";

const source = "packages/sluice/src/";

/** A folder imports itself and the folders of lower floors; folders on one floor never meet. */
const floors: Readonly<Record<string, number>> = {
  base: 0,
  sse: 1,
  flow: 1,
  chat: 1,
  log: 2,
  dialects: 2,
  run: 3,
  hub: 3,
  llm: 3,
  http: 4,
  client: 4,
  testing: 5,
  agents: 5,
  graphs: 5,
  socket: 5,
  react: 6,
  adapters: 6,
};

/** The folders a browser loads. */
const browserFolders = ["client", "react"];

/** Measures the flushes of a compressed answer one by one, for which no application has a use. */
const insideUsers = ["bench/contenders/compress.mjs"];

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly runtime: boolean;
}

const edges: readonly Edge[] = librarySources().flatMap((from) =>
  importsOf(textOf(from))
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, runtime }) => ({ from, to: targetOf(from, specifier), runtime })),
);

describe("floors of the library", () => {
  it("every folder has a floor", () => {
    const folders = new Set(librarySources().map(folderOf));
    expect([...folders].filter((folder) => floors[folder] === undefined)).toEqual([]);
  });

  it("a folder imports only itself and lower floors", () => {
    expect(edges.filter(climbs).map(arrow)).toEqual([]);
  });

  it("no module waits for itself to load", () => {
    expect(cycles(edges.filter((edge) => edge.runtime))).toEqual([]);
  });

  it("what a browser loads imports nothing of Node", () => {
    const loaded = reached(
      librarySources().filter((file) => browserFolders.includes(folderOf(file))),
      edges.filter((edge) => edge.runtime),
    );
    const wrong = loaded.flatMap((file) =>
      importsOf(textOf(file))
        .filter(({ specifier, runtime }) => runtime && specifier.startsWith("node:"))
        .map(({ specifier }) => `${file} -> ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the door of the library", () => {
  it("apps, examples and benches import the public subpaths and nothing else of it", () => {
    const map = JSON.parse(textOf("packages/sluice/package.json")) as { exports: Record<string, unknown> };
    const subpaths = new Set(Object.keys(map.exports).map((key) => key.replace(/^\./, "sluice")));
    const users = repositoryFiles().filter((path) => /^(apps|examples|bench)\/.*\.(tsx?|mjs|js)$/.test(path));
    const wrong = users.flatMap((file) =>
      importsOf(textOf(file))
        .map(({ specifier }) => specifier)
        .filter((specifier) =>
          specifier.startsWith(".")
            ? targetOf(file, specifier).startsWith("packages/") && !insideUsers.includes(file)
            : /^sluice(\/|$)/.test(specifier) && !subpaths.has(specifier),
        )
        .map((specifier) => `${file} -> ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it("the library does not import itself by name", () => {
    const wrong = librarySources().filter((file) =>
      importsOf(textOf(file)).some(({ specifier }) => /^sluice(\/|$)/.test(specifier)),
    );
    expect(wrong).toEqual([]);
  });
});

describe("these rules", () => {
  it("refuse a sibling and a higher floor, and allow a lower one and the folder itself", () => {
    const sibling = edge(`${source}sse/a.ts`, `${source}chat/b.ts`);
    const higher = edge(`${source}sse/a.ts`, `${source}http/b.ts`);
    const lower = edge(`${source}http/a.ts`, `${source}sse/b.ts`);
    const same = edge(`${source}http/a.ts`, `${source}http/b.ts`);
    expect([sibling, higher, lower, same].filter(climbs)).toEqual([sibling, higher]);
  });

  it("read each form of import, and tell types from what runs", () => {
    const text = [
      'import { a } from "./a.ts";',
      'import type { B } from "./b.ts";',
      "import {",
      "  c,",
      '} from "./c.ts";',
      'export type { D } from "./d.ts";',
      'export * from "./e.ts";',
      'import "./f.ts";',
      'const g = await import("./g.ts");',
      '// import { h } from "./h.ts";',
      'export const text = "./i.ts";',
    ].join("\n");
    expect(importsOf(text).map(({ specifier, runtime }) => (runtime ? specifier : `type ${specifier}`))).toEqual([
      "./a.ts",
      "type ./b.ts",
      "./c.ts",
      "type ./d.ts",
      "./e.ts",
      "./f.ts",
      "./g.ts",
    ]);
  });

  it("find a cycle of three", () => {
    const ring = [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("c", "d")];
    expect(cycles(ring)).toEqual(["a -> b -> c -> a"]);
  });
});

function folderOf(path: string): string {
  return path.slice(source.length).split("/")[0] ?? "";
}

function floorOf(path: string): number {
  return floors[folderOf(path)] ?? -1;
}

function climbs({ from, to }: Edge): boolean {
  return folderOf(from) !== folderOf(to) && floorOf(to) >= floorOf(from);
}

function arrow({ from, to }: Edge): string {
  return `${from} -> ${to}`;
}

function edge(from: string, to: string): Edge {
  return { from, to, runtime: true };
}

/** All files that a reader of `starts` loads. */
function reached(starts: readonly string[], among: readonly Edge[]): readonly string[] {
  const found = new Set(starts);
  for (const file of found) for (const { from, to } of among) if (from === file) found.add(to);
  return [...found];
}

/** One line per way back that a walk in depth meets. */
function cycles(among: readonly Edge[]): readonly string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" -> "));
    if (path.includes(file) || finished.has(file)) return;
    for (const { from, to } of among) if (from === file) walk(to, [...path, file]);
    finished.add(file);
  };
  for (const { from } of among) walk(from, []);
  return found;
}
