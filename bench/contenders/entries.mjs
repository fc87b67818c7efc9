import { line } from "../lib/samples.mjs";

const COUNT = 4_096;
const BYTES = 200;
const EMPTY = JSON.stringify({ type: "text-delta", id: "t1", delta: "" });

/** Entries as a run writes them, of exactly 200 bytes each. */
const entries = Array.from({ length: COUNT }, (_, index) => {
  const text = line(2 * BYTES, index + 1).replaceAll(/[^\w .,;]/g, " ");
  return JSON.stringify({ type: "text-delta", id: "t1", delta: text.slice(0, BYTES - EMPTY.length) });
});

/**
 * @param {number} from where in an endless row of entries
 * @param {number} count a power of two, of which `from` is a multiple
 */
export function entriesAt(from, count) {
  const start = from % COUNT;
  return entries.slice(start, start + count);
}
