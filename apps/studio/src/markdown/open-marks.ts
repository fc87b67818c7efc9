/**
 * The last line of a text that goes on, with what is open in it closed: emphasis and code look from their first word
 * on as they will, and a link is its words until its target is there.
 */
export function closeOpenMarks(line: string): string {
  if (line.length > LONGEST) return line.slice(0, -LONGEST) + closeOpenMarks(line.slice(-LONGEST));
  const scan: Scan = { line: withoutHalfMarks(line), at: 0, emphasis: [], brackets: [], code: "" };
  while (scan.at < scan.line.length) step(scan);
  const closers = scan.emphasis
    .map(({ mark, length }) => mark.repeat(length))
    .reverse()
    .join("");
  const words = withoutBrackets(scan);
  if (closers === "" && scan.code === "") return words;
  return `${words.trimEnd()}${scan.code}${closers}`;
}

/** What opened before so much of a line is rather no mark. */
const LONGEST = 4_096;

/** What stands at the end may be a mark of either side, or half of one. */
function withoutHalfMarks(line: string): string {
  let end = line.length;
  while (end > 0 && "*_~".includes(line.charAt(end - 1))) end -= 1;
  return line.charAt(end - 1) === "\\" ? line : line.slice(0, end);
}

interface Scan {
  line: string;
  at: number;
  readonly emphasis: { readonly mark: string; length: number }[];
  /** Where those stand that no other has closed. */
  readonly brackets: number[];
  /** What closes code that is open at the end. */
  code: string;
}

function step(scan: Scan): void {
  const { line, at } = scan;
  const character = line.charAt(at);
  scan.at += 1;
  if (character === "\\") scan.at += 1;
  else if (character === "`") passCode(scan, at);
  else if (character === "<")
    scan.at = at + (/^<[a-z][a-z\d+.-]*:[^\s<>]*>/i.exec(line.slice(at, at + 2_048))?.[0].length ?? 1);
  else if (character === "[") scan.brackets.push(at);
  else if (character === "]") closeBracket(scan, at);
  else if (character === "*" || character === "_" || character === "~") passEmphasis(scan, at, character);
}

function passCode(scan: Scan, at: number): void {
  const marks = runAt(scan.line, at, "`");
  const start = at + marks.length;
  for (const { 0: run, index } of scan.line.slice(start).matchAll(/`+/g)) {
    if (run.length !== marks.length) continue;
    scan.at = start + index + run.length;
    return;
  }
  const code = scan.line.slice(start).replace(/`+$/, "");
  scan.code = code.trim() === "" ? "" : marks;
  scan.line = scan.line.slice(0, at) + (scan.code === "" ? "" : marks + code);
  scan.at = scan.line.length;
}

function closeBracket(scan: Scan, at: number): void {
  if (scan.brackets.length > 0 && at === scan.line.length - 1) {
    // A target may follow.
    scan.line = scan.line.slice(0, at);
    return;
  }
  if (scan.brackets.pop() === undefined || scan.line.charAt(at + 1) !== "(") return;
  // Marks in a target are none.
  const target = /^\((?:<[^<>]*>|[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)[^()]*\)/.exec(scan.line.slice(at + 1, at + 2_049));
  scan.at += target?.[0].length ?? 0;
}

function passEmphasis(scan: Scan, at: number, mark: string): void {
  const { line, emphasis } = scan;
  const run = runAt(line, at, mark).length;
  scan.at = at + run;
  if (mark === "~" && run !== 2) return;
  const before = line.charAt(at - 1);
  const after = line.charAt(scan.at);
  const closes = isInk(before) && (mark !== "_" || !WORD.test(after));
  const left = closes ? closeEmphasis(emphasis, mark, run) : run;
  // Within a word it is rather a sign for times.
  if (left > 0 && left <= 3 && isInk(after) && !WORD.test(before)) emphasis.push({ mark, length: left });
}

/** Gives how many of the marks found nothing to close. */
function closeEmphasis(emphasis: Scan["emphasis"], mark: string, run: number): number {
  let left = run;
  for (let open = emphasis.at(-1); left > 0 && open?.mark === mark; open = emphasis.at(-1)) {
    const closed = Math.min(open.length, left);
    open.length -= closed;
    left -= closed;
    if (open.length === 0) emphasis.pop();
  }
  return left;
}

function isInk(character: string): boolean {
  return character !== "" && !/\s/.test(character);
}

const WORD = /[\p{L}\p{N}]/u;

function runAt(line: string, at: number, mark: string): string {
  let end = at;
  while (line.charAt(end) === mark) end += 1;
  return line.slice(at, end);
}

function withoutBrackets({ line, brackets }: Scan): string {
  let words = line;
  for (const at of [...brackets].reverse()) {
    const from = words.charAt(at - 1) === "!" ? at - 1 : at;
    words = words.slice(0, from) + words.slice(at + 1);
  }
  return words;
}
