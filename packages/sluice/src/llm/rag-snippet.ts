/**
 * At most `maxLength` characters (UTF-16, as `length` counts) of a text on one line. What is cut ends with an ellipsis,
 * at the end of a word where there is one in the second half, and never inside a character.
 */
export function snippetOf(text: string, maxLength: number): string {
  const line = text.trim().replace(/\s+/g, " ");
  if (line.length <= maxLength) return line;
  if (maxLength <= 1) return "";
  const room = maxLength - 1;
  const space = line.lastIndexOf(" ", room);
  const end = space > room / 2 ? space : wholeCharacters(line, room);
  return `${line.slice(0, end)}…`;
}

/** `end`, or one less where it would part a surrogate pair. */
function wholeCharacters(text: string, end: number): number {
  const code = text.charCodeAt(end - 1);
  return code >= 0xd800 && code <= 0xdbff ? end - 1 : end;
}
