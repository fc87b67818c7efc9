import type { Token, Tokenize } from "./highlighter.ts";

/** A line with its end. */
export type CodeLine = readonly Token[];

export interface ColouredCode {
  /** One that is not the last never changes again. */
  readonly pieces: readonly (readonly CodeLine[])[];
  /** False while what came last is plain, to save work. */
  readonly complete: boolean;
}

/** @param all colours the end too, whatever it costs */
export type ColourCode = (code: string, all: boolean) => ColouredCode;

/**
 * Colours code that grows. What is settled is coloured once: a piece of 32 lines, or of more until nothing is open at
 * its end (a comment, a text of several lines). Only the last piece is coloured again, and its lines that come out the
 * same are the same objects. The colours depend on the code alone, not on how it came.
 */
export function createCodeColouring(tokenize: Tokenize): ColourCode {
  let settled: Settled = { text: "", pieces: [] };
  let tail: Tail = NO_TAIL;
  let triedTo = 0;

  const settle = (code: string): void => {
    for (let lines = PIECE_LINES; ;) {
      const end = endOfLines(code, settled.text.length, lines);
      if (end === undefined) return;
      lines *= 2;
      // Otherwise it was asked before, and something was open.
      if (end <= triedTo) continue;
      triedTo = end;
      const { tokens, closed } = tokenize(code.slice(settled.text.length, end));
      if (!closed) continue;
      settled = { text: code.slice(0, end), pieces: [...settled.pieces, reuseLines(tail.lines, linesOf(tokens))] };
      tail = NO_TAIL;
      lines = PIECE_LINES;
    }
  };

  return (code, all) => {
    if (!code.startsWith(settled.text)) {
      settled = { text: "", pieces: [] };
      tail = NO_TAIL;
      triedTo = 0;
    }
    settle(code);
    const rest = code.slice(settled.text.length);
    const grown = growTail(tail, rest);
    if (grown === undefined || all) {
      tail = { text: rest, lines: reuseLines(tail.lines, linesOf(tokenize(rest).tokens)) };
    }
    const lines = all ? tail.lines : (grown ?? tail.lines);
    return {
      pieces: lines.length === 0 ? settled.pieces : [...settled.pieces, lines],
      complete: tail.text === rest,
    };
  };
}

interface Settled {
  readonly text: string;
  readonly pieces: ColouredCode["pieces"];
}

/** What was coloured last of the piece that is not settled. */
interface Tail {
  readonly text: string;
  readonly lines: readonly CodeLine[];
}

const PIECE_LINES = 32;

const NO_TAIL: Tail = { text: "", lines: [] };

const LONG = 4_096;

/** A long tail is coloured when it has grown by an eighth: until then, its lines with what came since as plain text. */
function growTail({ text, lines }: Tail, rest: string): readonly CodeLine[] | undefined {
  if (text.length < LONG || rest.length > text.length * 1.125 || !rest.startsWith(text)) return undefined;
  if (rest.length === text.length) return lines;
  const added = linesOf([{ text: rest.slice(text.length) }]);
  const last = lines.at(-1);
  if (last === undefined || text.endsWith("\n")) return [...lines, ...added];
  return [...lines.slice(0, -1), [...last, ...(added[0] ?? [])], ...added.slice(1)];
}

/** Where that many lines end, or undefined when there are not as many yet. */
function endOfLines(code: string, from: number, lines: number): number | undefined {
  let at = from;
  for (let line = 0; line < lines; line++) {
    at = code.indexOf("\n", at) + 1;
    if (at === 0) return undefined;
  }
  return at;
}

function linesOf(tokens: readonly Token[]): readonly CodeLine[] {
  const lines: Token[][] = [];
  let line: Token[] = [];
  for (const token of tokens) {
    for (const text of token.text.split(AFTER_LINE)) {
      if (text === "") continue;
      line.push({ ...token, text });
      if (!text.endsWith("\n")) continue;
      lines.push(line);
      line = [];
    }
  }
  return line.length === 0 ? lines : [...lines, line];
}

const AFTER_LINE = /(?<=\n)/;

function reuseLines(before: readonly CodeLine[], now: readonly CodeLine[]): readonly CodeLine[] {
  return now.map((line, index) => {
    const old = before[index];
    return old !== undefined && isSameLine(old, line) ? old : line;
  });
}

function isSameLine(one: CodeLine, other: CodeLine): boolean {
  if (one.length !== other.length) return false;
  return one.every(({ text, kind }, index) => text === other[index]?.text && kind === other[index]?.kind);
}
