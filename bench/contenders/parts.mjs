import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { line, tokens } from "../lib/samples.mjs";

/**
 * @typedef {object} Plan an answer
 * @property {"burst" | "single" | "bulk" | "tokens" | "one"} kind
 * burst: one part per turn of the event loop; single: one every `gap` ms, with the time; bulk: as fast as it goes;
 * tokens: an answer, at once; one: nothing after the first
 * @property {number} n parts
 * @property {number} [gap]
 */

/** Characters. */
const LENGTH = 200;
const COUNT = 256;
const TURN_EVERY = 64;

/** In the last part. Three times: whole at least once, wherever it is cut. */
export const LAST = "END!";
export const STAMP = "at=";

const lines = Array.from({ length: COUNT }, (_, index) => line(LENGTH, index + 1));
/** @type {string[]} */
let words = [];

/** What a part says, but for the time. @param {Plan} plan @param {number} index */
export function partAt({ kind, n }, index) {
  if (kind === "tokens") {
    if (words.length < n) words = tokens(n);
    return words[index] ?? "";
  }
  return index === n - 1 ? LAST.repeat(3) : (lines[index % COUNT] ?? "");
}

/** @param {Plan} plan */
export async function* parts(plan) {
  const { kind, n, gap = 0 } = plan;
  for (let index = 0; index < n; index += 1) {
    if (kind === "single") {
      yield `${STAMP}${String(microseconds()).padStart(16, "0")};${partAt(plan, index)}`;
      await sleep(gap);
      continue;
    }
    yield partAt(plan, index);
    if (kind === "burst" || (kind === "bulk" && index % TURN_EVERY === 0)) await turn();
  }
}

/** Of a clock that all processes of a machine share. */
export function microseconds() {
  return Number(process.hrtime.bigint() / 1_000n);
}
