export interface PartialJson {
  /** What is certain by now; undefined where that is nothing, and for `invalid`. */
  readonly value: unknown;
  /** `complete`: it is JSON. `partial`: it may become JSON. `invalid`: whatever follows, it cannot. */
  readonly state: "complete" | "partial" | "invalid";
}

/**
 * The value of JSON that is still being written. What it shows stays: strings and lists only grow, a key is there once
 * its value has begun, and a number, `true`, `false` or `null` once something follows it, for `12` may become `123`. Only
 * a text that is nothing but a number is taken at its word. Never throws; what cannot be JSON is found, at the latest,
 * where the next value ends.
 *
 * It looks for the place where the text is to be closed; reading it, and what is JSON, is the affair of `JSON.parse`.
 */
export function parsePartialJson(text: string): PartialJson {
  const { cut, closers, restAt, rest } = findEnd(text);
  if (!rest.test(text.slice(restAt))) return INVALID;
  if (cut > 0) return parse(text.slice(0, cut) + closers, closers === "" ? "complete" : "partial") ?? INVALID;
  return parse(text, "complete") ?? { value: undefined, state: "partial" };
}

const INVALID: PartialJson = { value: undefined, state: "invalid" };

interface End extends Place {
  readonly closers: string;
}

interface Place {
  /** Up to here the text, with the closers behind it, is JSON if it can become JSON at all. */
  readonly cut: number;
  /** From here on the text must be so. */
  readonly restAt: number;
  readonly rest: RegExp;
}

const SPACE = "[ \\t\\n\\r]*";
const NUMBER = "-|-?(?:0|[1-9]\\d*)(?:\\.(?:\\d+(?:[eE][+-]?\\d*)?)?|[eE][+-]?\\d*)?";
/** The space belongs to it: two runs of space in a row would be tried in every division. */
const LITERAL = `(?:(?:t(?:r(?:ue?)?)?|f(?:a(?:l(?:se?)?)?)?|n(?:u(?:ll?)?)?|${NUMBER})${SPACE})?`;
const NOTHING = new RegExp(`^${SPACE}$`);
const ITEM = new RegExp(`^,?${SPACE}${LITERAL}$`);
const KEY = new RegExp(`^,?${SPACE}$`);
const AFTER_KEY = new RegExp(`^${SPACE}(?::${SPACE}${LITERAL})?$`);
/** Of a string: half a character, half an escape. */
const HALF = /^(?:[\uD800-\uDBFF]|\\u[dD][89abAB][\da-fA-F]{2})?(?:\\(?:u[\da-fA-F]{0,3})?)?$/;
const HIGH_SURROGATE = /^(?:[\uD800-\uDBFF]|\\u[dD][89abAB][\da-fA-F]{2})$/;

function findEnd(text: string): End {
  const open: string[] = [];
  let place = placeAt(0, ITEM);
  let isKey = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === "{" || character === "[") {
      isKey = character === "{";
      open.push(isKey ? "}" : "]");
      place = placeAt(index + 1, isKey ? KEY : ITEM);
    } else if (character === "}" || character === "]") {
      open.pop();
      isKey = false;
      place = placeAt(index + 1, NOTHING);
    } else if (character === ",") {
      isKey = open.at(-1) === "}";
      place = placeAt(index, isKey ? KEY : open.length > 0 ? ITEM : NOTHING);
    } else if (character === '"') {
      const string = endOfString(text, index + 1);
      place = afterString(string, isKey, place.cut);
      if (string.closed) index = string.end;
      else return { ...place, closers: closing(isKey ? open : [...open, '"']) };
      isKey = false;
    }
  }
  return { ...place, closers: closing(open) };
}

function closing(open: readonly string[]): string {
  return open.toReversed().join("");
}

function afterString({ end, closed }: Text, isKey: boolean, cut: number): Place {
  const place = closed ? placeAt(end + 1, isKey ? AFTER_KEY : NOTHING) : placeAt(end, HALF);
  return isKey ? { ...place, cut } : place;
}

function placeAt(index: number, rest: RegExp): Place {
  return { cut: index, restAt: index, rest };
}

interface Text {
  /** Where its closing quote is, else where its last whole character ends. */
  readonly end: number;
  readonly closed: boolean;
}

function endOfString(text: string, from: number): Text {
  let last = from;
  let index = from;
  while (index < text.length) {
    if (text[index] === '"') return { end: index, closed: true };
    const length = text[index] !== "\\" ? 1 : text[index + 1] === "u" ? 6 : 2;
    if (index + length > text.length) break;
    last = index;
    index += length;
  }
  return { end: HIGH_SURROGATE.test(text.slice(last, index)) ? last : index, closed: false };
}

function parse(text: string, state: PartialJson["state"]): PartialJson | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return { value, state };
  } catch {
    return undefined;
  }
}
