export interface LastBlock {
  /** Where it starts. */
  readonly start: number;
  /** The last line, which may be empty, stands in a block of code. */
  readonly inCode: boolean;
}

/**
 * The last block that cannot belong to what stands before it, whatever follows: it starts at `from`, which is such a
 * place, or later. It errs to the early side; a list with blank lines in it is one block.
 */
export function findLastBlock(text: string, from: number): LastBlock {
  let start = from;
  let code: Fence | undefined;
  let before: "blank" | "heading" | "code" | "other" = "other";
  let unsure = false;
  for (let at = from; at < text.length;) {
    const end = text.indexOf("\n", at);
    const isWhole = end >= 0;
    const line = text.slice(at, isWhole ? end : text.length);
    const wasIn = code;
    code = fenceAfter(line, code);
    unsure ||= mayLeaveItem(line, wasIn);
    if (wasIn === undefined) {
      if (!unsure && startsBlock(line, before, isWhole ? code : undefined)) start = at;
      before = line.trim() === "" ? "blank" : isWhole && HEADING.test(line) ? "heading" : "other";
    } else if (code === undefined) {
      before = wasIn.indented ? "other" : "code";
    }
    if (!isWhole) return { start, inCode: wasIn !== undefined };
    at = end + 1;
  }
  return { start, inCode: code !== undefined };
}

/** Code of a list item ends with the item, too, and the next fence opens then: only all of it together tells. */
function mayLeaveItem(line: string, code: Fence | undefined): boolean {
  return code?.indented === true && /^\S/.test(line);
}

/** @param opened the fence that the line is, when all of it is here */
function startsBlock(line: string, before: "blank" | "heading" | "code" | "other", opened: Fence | undefined): boolean {
  if (opened?.indented === false || HEADING.test(line)) return true;
  if (before === "other") return false;
  return before === "blank" ? NEW_AFTER_BLANK.test(line) : /^\S/.test(line);
}

// Not indented, no list item and nothing that the next character may make one.
const NEW_AFTER_BLANK = /^(?:[^\s\d*+-]|\*\*[^*\s])/;

const HEADING = /^#{1,6}[ \t]+\S/;

interface Fence {
  readonly marks: string;
  readonly indented: boolean;
}

/** The fence of the code block that the next line stands in. */
function fenceAfter(line: string, open: Fence | undefined): Fence | undefined {
  const fence = FENCE.exec(line);
  const [, indent = "", marks = "", rest = ""] = fence ?? [];
  if (marks === "") return open;
  // Marks that come again in the same line are code within words.
  if (open === undefined)
    return marks.startsWith("`") && rest.includes("`") ? undefined : { marks, indented: indent !== "" };
  const closes = marks.startsWith(open.marks) && rest.trim() === "" && (open.indented || /^ {0,3}$/.test(indent));
  return closes ? undefined : open;
}

const FENCE = /^(\s*)(`{3,}|~{3,})(.*)$/;
