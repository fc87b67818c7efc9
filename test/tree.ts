import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder, with a slash at the end. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** What is committed or would be by `git add .`, as paths from the root. */
export function repositoryFiles(): readonly string[] {
  return [...new Set(listed() ?? walked(root))].sort();
}

/** The TypeScript sources of the library. */
export function librarySources(): readonly string[] {
  return repositoryFiles().filter((path) => /^packages\/sluice\/src\/.*\.tsx?$/.test(path));
}

export interface ImportLine {
  /** What stands between the quotes. */
  readonly specifier: string;
  /** False for `import type` and `export type`, which leave nothing behind at run time. */
  readonly runtime: boolean;
}

/** Every static and dynamic import and re-export of a source text. */
export function importsOf(source: string): readonly ImportLine[] {
  const code = source.replace(/^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const statements = code.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[^"';=]*?\sfrom\s+)?"([^"]+)"/gm);
  const calls = code.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g);
  return [
    ...[...statements].map(([, type, specifier = ""]) => ({ specifier, runtime: type === undefined })),
    ...[...calls].map(([, specifier = ""]) => ({ specifier, runtime: true })),
  ];
}

/** Where a relative import of `file` leads, as a path from the root. */
export function targetOf(file: string, specifier: string): string {
  return relative(root, join(root, dirname(file), specifier));
}

/** `undefined` where there is no git or no clone: an unpacked archive is tested as well. */
function listed(): readonly string[] | undefined {
  try {
    const deleted = new Set(git("--deleted"));
    return git("--cached", "--others", "--exclude-standard").filter((path) => !deleted.has(path));
  } catch {
    return undefined;
  }
}

function git(...which: readonly string[]): readonly string[] {
  // In a container the clone may belong to another user, which git refuses otherwise.
  const args = ["-c", "safe.directory=*", "ls-files", "-z", ...which];
  const output = execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return output.split("\0").filter((path) => path !== "");
}

function walked(folder: string): readonly string[] {
  const ignored = ["node_modules", "dist", "coverage", "data", ".git", ".env"];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (ignored.includes(entry.name)) return [];
    return entry.isDirectory() ? walked(path) : [relative(root, path)];
  });
}
