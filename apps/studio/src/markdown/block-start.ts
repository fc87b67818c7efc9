/**
 * Where the last block starts that cannot belong to what stands before it, whatever follows: at `from`, which is such
 * a place, or later. It errs to the early side; a list with blank lines in it is one block.
 */
export function lastBlockStart(text: string, from: number): number {
  let start = from;
  let fence: string | undefined;
  let afterBlank = false;
  for (let at = from; at < text.length;) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? text.length : end);
    if (afterBlank && STARTS_BLOCK.test(line)) start = at;
    fence = fenceAfter(line, fence);
    afterBlank = fence === undefined && line.trim() === "";
    if (end < 0) break;
    at = end + 1;
  }
  return start;
}

// Not indented, no list item and nothing that the next character may make one.
const STARTS_BLOCK = /^(?:[^\s\d*+-]|\*\*[^*\s])/;

/** The fence of the code block that the next line stands in. */
function fenceAfter(line: string, open: string | undefined): string | undefined {
  const fence = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
  const marks = fence?.[1];
  if (marks === undefined) return open;
  if (open === undefined) return marks;
  const closes = marks.startsWith(open) && fence?.[2]?.trim() === "";
  return closes ? undefined : open;
}
