import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A directory that goes with this process, also when that is interrupted. It lies where the system has such: set TMPDIR
 * to a directory on a disk if that is memory.
 *
 * @returns {string}
 */
export function makeScratch() {
  const directory = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  return directory;
}
