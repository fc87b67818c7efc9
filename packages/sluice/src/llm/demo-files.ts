import { sizeOf } from "./files.ts";
import type { ModelFile } from "./types.ts";

/** A sentence about the files that came with the question: the demo reads none of them, and says so. */
export function describeFiles(files: readonly ModelFile[]): string | undefined {
  if (files.length === 0) return undefined;
  const shown = files.slice(0, MOST).map((file) => `- ${describe(file)}`);
  const more = files.length > MOST ? [`- and ${files.length - MOST} more`] : [];
  const head = `You attached ${files.length === 1 ? "a file" : `${files.length} files`}, which a demo cannot read:`;
  return [head, "", ...shown, ...more].join("\n");
}

const MOST = 8;
const LONGEST_NAME = 60;

function describe(file: ModelFile): string {
  const { filename = "without a name", mediaType } = file;
  // In a code span nothing but a backtick means anything.
  const name = Array.from(filename.replaceAll("`", "'")).slice(0, LONGEST_NAME).join("");
  const bytes = sizeOf(file);
  return `\`${name}\` (${mediaType}, ${bytes === undefined ? "by its address" : formatBytes(bytes)})`;
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
