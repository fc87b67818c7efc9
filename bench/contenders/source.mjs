import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { line, openaiChunks, tokens } from "../lib/samples.mjs";

/**
 * @typedef {"burst" | "tick" | "rate"} Mode
 * burst: as fast as backpressure allows; tick: one event per turn of the event loop; rate: one every `ms`
 *
 * @typedef {"text" | "json" | "long"} Data
 * text: tokens of an answer; json: chunks of OpenAI's API; long: text, 1.2 KB at a time
 *
 * @typedef {{ n: number, mode: Mode, ms: number }} Query
 * @typedef {{ id: string, event: string, data: string }} Event
 */

const COUNT = 4_096;
const LONG = 1_200;
const data = process.env["BENCH_DATA"] ?? "text";

/** The name under which every contender sends the data. Ours words text as `chunk`, and keeps that name for itself. */
export const EVENT_NAME = data === "json" ? "token" : "chunk";

const texts = data === "long" ? Array.from({ length: COUNT }, (_, index) => line(LONG, index + 1)) : tokens(COUNT);
const bodies = data === "json" ? openaiChunks(COUNT) : texts.map((content) => JSON.stringify({ content }));
/** The same as values, for a contender that keeps events and not bytes. */
const values = bodies.map((body) => JSON.parse(body));

/** @param {number} index @returns {Event} */
export function eventAt(index) {
  return { id: String(index), event: EVENT_NAME, data: dataAt(index) };
}

/** @param {number} index */
export function dataAt(index) {
  return bodies[index % COUNT] ?? "";
}

/** What a run is made of: text as it is, everything else as an event of the application. @param {number} index */
export function itemAt(index) {
  return data === "json" ? { event: EVENT_NAME, data: values[index % COUNT] } : (texts[index % COUNT] ?? "");
}

/**
 * To be awaited between two events, or undefined: then the source does not pause.
 *
 * @param {Query} query
 * @returns {(() => Promise<unknown>) | undefined}
 */
export function paceOf({ mode, ms }) {
  if (mode === "tick") return () => turn();
  if (mode === "rate") return () => sleep(ms);
  return undefined;
}

/**
 * Gives every event of the query to `send`, and waits for what it returns.
 *
 * @param {Query} query
 * @param {(event: Event) => Promise<unknown> | undefined} send
 */
export async function pour(query, send) {
  const pace = paceOf(query);
  for (let index = 0; index < query.n; index += 1) {
    const full = send(eventAt(index));
    if (full) await full;
    if (pace) await pace();
  }
}
