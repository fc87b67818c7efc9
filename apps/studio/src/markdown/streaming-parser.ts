import { findLastBlock } from "./block-start.ts";
import { withoutOpenEnd } from "./open-end.ts";
import { parseMarkdown, type Definitions, type Parsed } from "./parse.ts";
import { reuse } from "./reuse.ts";

export interface GrowingText {
  readonly text: string;
  /** More may come, or would have come: what is open at the end is not shown as marks. */
  readonly unfinished: boolean;
}

/**
 * Parses a text that grows. What is settled is parsed once; of the last block, what has not changed is the same
 * object as the last time. So neither needs new rendering. A finished text gives what parsing it at once gives.
 * A text that does not continue the last one is parsed from its beginning.
 */
export function createStreamingParser(): (growing: GrowingText) => Parsed {
  let settled: Settled = NOTHING;
  let last: GrowingText = { text: "", unfinished: true };
  let shown: Parsed = { nodes: [], definitions: new Map() };

  const parseNext = ({ text, unfinished }: GrowingText): Parsed => {
    if (!text.startsWith(settled.text)) settled = NOTHING;
    const { start, inCode } = findLastBlock(text, settled.text.length);
    if (start > settled.text.length) settled = settle(settled, text.slice(0, start));
    const rest = text.slice(start);
    const { definitions: known } = settled;
    const end = parseMarkdown(unfinished ? withoutOpenEnd(rest, inCode) : rest, { unfinished, known });
    // What refers to a later definition was not understood before.
    if (!unfinished && hasTargets(known, end.definitions)) return parseMarkdown(text);
    return {
      nodes: [...settled.nodes, ...end.nodes],
      definitions: new Map([...known, ...end.definitions]),
    };
  };

  return (growing) => {
    const { unfinished } = growing;
    const text = withPlainLineEnds(growing.text, unfinished);
    if (text === last.text && unfinished === last.unfinished) return shown;
    const added = text.length - last.text.length;
    const isSmall = unfinished && last.unfinished && added >= 0 && added < leastStep(text.length - settled.text.length);
    if (isSmall && text.startsWith(last.text)) return shown;
    const next = parseNext({ text, unfinished });
    reuse(shown.nodes, next.nodes);
    if (settled.nodes.length > 0) settled = { ...settled, nodes: next.nodes.slice(0, settled.nodes.length) };
    last = { text, unfinished };
    shown = next;
    return shown;
  };
}

/** The second half of a line end may be still to come. */
function withPlainLineEnds(text: string, unfinished: boolean): string {
  if (!text.includes("\r")) return text;
  return (unfinished ? text.replace(/\r$/, "") : text).replaceAll(/\r\n?/g, "\n");
}

/**
 * How much a last block grows before it is parsed again. A long one waits for a 256th of its length (a second of a
 * fast model's words at 60 KB), or the cost of an answer that is one block would grow with the square of its length.
 */
function leastStep(length: number): number {
  return length < 16_384 ? 0 : length / 256;
}

interface Settled extends Parsed {
  readonly text: string;
}

const NOTHING: Settled = { text: "", nodes: [], definitions: new Map() };

function settle(before: Settled, text: string): Settled {
  const { nodes, definitions } = parseMarkdown(text.slice(before.text.length), { known: before.definitions });
  return {
    text,
    nodes: [...before.nodes, ...nodes],
    definitions: definitions.size === 0 ? before.definitions : new Map([...before.definitions, ...definitions]),
  };
}

function hasTargets(...all: readonly Definitions[]): boolean {
  return all.some((definitions) => [...definitions.keys()].some((label) => !label.startsWith("^")));
}
