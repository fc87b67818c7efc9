import { closeOpenMarks } from "./open-marks.ts";

/**
 * A text that will go on, without what at its end may yet turn out to be a mark: half a fence, the number of a list
 * item, the target of a link. It would be seen as a word and vanish again.
 */
export function withoutOpenEnd(text: string, inCode: boolean): string {
  const lineStart = text.lastIndexOf("\n") + 1;
  const line = text.slice(lineStart);
  if (inCode) return FENCE_OF_CODE.test(line) ? text.slice(0, lineStart) : withoutHalfCharacter(text);
  if (text.endsWith("\\\n")) return text.slice(0, -2);
  if ((line.length <= MOST_MARKS && MARKS_ONLY.test(line)) || FENCE_LINE.test(line)) return text.slice(0, lineStart);
  const target = linkTarget(line);
  if (target !== undefined) return text.slice(0, lineStart) + closeOpenMarks(line.slice(0, target));
  const tail = line.slice(-MOST_TAIL);
  const open = OPEN_TAIL.exec(tail);
  const whole = open === null ? line : line.slice(0, line.length - tail.length + open.index);
  return text.slice(0, lineStart) + closeOpenMarks(withoutHalfCharacter(whole));
}

const MOST_TAIL = 2_048;

/** A longer line of marks is none that anybody writes. */
const MOST_MARKS = 160;

const FENCE_OF_CODE = /^\s*(?:`+|~+)\s*$/;

// After quotes and list items: marks of a list, a heading, a rule, a table's second line, a task or a definition.
const MARKS_ONLY =
  /^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*(?:[-*+_=|:\s]+|\d{1,9}[.)]?|#{1,6}|`{1,2}|~{1,2}|\[\^?[^\]\n]{0,40}(?:\]:?)?)?\s*$/;

const FENCE_LINE = /^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)*(?:`{3,}[^`\n]*|~{3,}[^\n]*)$/;

// A backslash, half an entity, half a tag or address in angle brackets, one mark of two, half a footnote.
const OPEN_TAIL =
  /(?:\\|&#?\w{0,31}|<[^\s<>]{0,80}|<[a-z][a-z\d+.-]*:[^\s<>]*|(?<!~)~|={1,2}|!|\[\^[^\]\s]{0,40}(?:\]\s*)?)$/i;

/** Where the target of a link begins that the line ends in. */
function linkTarget(line: string): number | undefined {
  const at = line.lastIndexOf("](");
  return at >= 0 && OPEN_TARGET.test(line.slice(at + 2)) ? at : undefined;
}

const OPEN_TARGET =
  /^(?:<[^<>\n]*>?|[^\s()<]*(?:\([^\s()]*\)[^\s()]*)*(?:\([^\s()]*)?)(?:\s+(?:"[^"\n]*"?|'[^'\n]*'?)?)?$/;

/** Deltas are cut anywhere, also within the two halves of an emoji. */
function withoutHalfCharacter(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
