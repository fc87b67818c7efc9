import { hasResult, loadResult } from "./results.mjs";
import { markdownTable } from "./table.mjs";

/**
 * What was aimed at, beside what was measured last.
 *
 * @typedef {{ question: string, target: string, seen: string, met: boolean }} Row
 */

const DIALECTS = ["simple", "graph", "ai-sdk"];
const ENCODER = "sluice: createEventEncoder, 64 at once";
const POST = "sluice: run, POST /stream";
const CATCH_UP = "sluice: run, catch-up of a finished one";
const RUN = "sluice: run";

export function targetsSection() {
  const rows = [encode, burst, rate, fanout, idle, stalled, late, compress, long, many, soak].flatMap((of) => {
    return of();
  });
  return [
    "### targets: what was aimed at",
    "From the tables below.",
    markdownTable(
      ["question", "target", "measured", "met"],
      rows.map(({ question, target, seen, met }) => [question, target, seen, met ? "yes" : "**no**"]),
    ),
  ].join("\n\n");
}

/** @param {string} question @param {number} value @param {number} least @param {(value: number) => string} [say] @returns {Row} */
function atLeast(question, value, least, say = ratio) {
  return { question, target: `>= ${say(least)}`, seen: say(value), met: value >= least };
}

/** @param {string} question @param {number} value @param {number} most @param {(value: number) => string} [say] @returns {Row} */
function atMost(question, value, most, say = ratio) {
  return { question, target: `<= ${say(most)}`, seen: say(value), met: value <= most };
}

/** @param {number} value */
function ratio(value) {
  return `${value.toFixed(2)} x raw`;
}

/** @param {string} unit @param {number} [digits] */
function inUnits(unit, digits = 0) {
  return (/** @type {number} */ value) => `${value.toFixed(digits)} ${unit}`;
}

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;

/** @param {string} name @param {(saved: any) => Row[]} rows @returns {Row[]} */
function from(name, rows) {
  return hasResult(name) ? rows(loadResult(name)) : [];
}

function encode() {
  return from("encode", ({ reference, result }) => {
    const speed = (/** @type {string} */ job) => result[reference][job].ns / result[ENCODER]?.[job]?.ns;
    return [
      atLeast("encode, frames of 300 bytes", speed("openai"), 2.2),
      atLeast("encode, 3 % not ASCII", speed("openai, 3 % not ASCII"), 1.7),
    ];
  });
}

function burst() {
  return from("serve-burst-text", ({ reference, result }) => {
    const speed = (/** @type {string} */ name) => result[name]?.eventsPerSecond / result[reference].eventsPerSecond;
    return [
      atLeast("one stream in a burst, events/s: delivery alone (catch-up)", speed(CATCH_UP), 2),
      atLeast("the same, from the source through the log", speed(POST), 1.2),
    ];
  });
}

function rate() {
  return from("serve-rate-text", ({ reference, result, settings }) => {
    const cost = (/** @type {string} */ name) => result[name]?.cpuUs / result[reference].cpuUs;
    const each = `${settings.readers} runs, an event every ${settings.ms} ms, CPU per event`;
    return [
      atMost(`${each}: log and delivery alone`, cost("sluice: log and delivery"), 0.95),
      atMost("the same, flushMs 100", cost("sluice: log and delivery, flushMs 100"), 0.4),
      atMost(`${each}: from the source`, cost(POST), 1.15),
      atMost("the same, flushMs 100", cost("sluice: run, flushMs 100"), 0.4),
    ];
  });
}

function fanout() {
  return from("fanout", ({ reference, result }) => {
    const most = Object.keys(result).findLast(Boolean) ?? "";
    const [raw, row, paced] = [reference, RUN, "sluice: run, flushMs 25"].map((name) => result[most]?.[name]);
    const speed = (/** @type {any} */ of) => of?.deliveriesPerSecond / raw?.deliveriesPerSecond;
    return [
      atLeast(`${most} readers of one run, back to back, deliveries/s`, speed(row), 12),
      atLeast("the same, flushMs 25", speed(paced), 12),
      atMost("the same, a single event, p99", row?.p99Ms / raw?.p99Ms, 1.2),
    ];
  });
}

function idle() {
  return from("idle", ({ result }) => [
    atMost("a stream on which nothing happens, RSS", result[RUN]?.rssKiB, 12, inUnits("KiB", 1)),
  ]);
}

function stalled() {
  return from("stalled", ({ result, settings }) => {
    const { live, late: after } = result[RUN] ?? {};
    const held = Math.max(live?.heldKiB, after?.heldKiB);
    return [atMost(`a reader that takes nothing of ${settings.mb} MB`, held, 64, inUnits("KiB"))];
  });
}

function late() {
  return from("late", ({ result, settings }) => {
    const rows = DIALECTS.map((dialect) => result[`sluice: ${dialect}`]).filter(Boolean);
    const frames = Math.max(...rows.map((row) => row.frames));
    const bytes = Math.max(...rows.map((row) => row.bytes / row.textBytes));
    const [first] = rows;
    return [
      atMost(
        `late for ${settings.n} tokens, frames, in any dialect`,
        frames,
        Math.floor(first?.mostFrames),
        inUnits(""),
      ),
      atMost("the same, bytes", bytes, 1.2, inUnits("x the text", 2)),
    ];
  });
}

function compress() {
  return from("compress", ({ reference, jobs, result, memory }) => {
    const worst = (/** @type {string} */ name) =>
      Math.max(...jobs.map((/** @type {string} */ job) => result[name]?.[job]?.bytes / result[reference][job].bytes));
    const stateless = "sluice: stateless gzip, 1 KiB";
    return [
      atMost("compressed per event, kept context, bytes", worst("sluice: kept gzip"), 1.05, inUnits("x gzip-6", 3)),
      atMost("the same without a context", worst(stateless), 1.15, inUnits("x gzip-6", 3)),
      // What it keeps is an object: the growth of the process is mostly slack.
      atMost("the same, memory per connection", memory[stateless]?.heap, 1, inUnits("KiB", 2)),
    ];
  });
}

function long() {
  return from("serve-burst-long", ({ result }) => {
    const speed = inUnits("MB/s");
    const wait = inUnits("ms", 1);
    const brotli = "sluice: run, catch-up, brotli";
    return [
      atLeast("100 events of 1.2 KB, saved by gzip", result["sluice: run, gzip"]?.saved, 0.71, percent),
      atLeast("the same, one reader", result[CATCH_UP]?.mbPerSecond, 100, speed),
      atLeast("the same, one reader, brotli", result[brotli]?.mbPerSecond, 40, speed),
      atMost("time to the first byte", result[POST]?.firstMs, 150, wait),
      atMost("time to the first byte, compressed", result["sluice: run, brotli"]?.firstMs, 300, wait),
    ];
  });
}

function many() {
  return from("many", ({ result, settings }) => {
    const row = result["sluice: run, maxFlushMs 250"];
    const runs = `${settings.runs} live runs (10,000 were aimed at)`;
    const question = `${runs}, ${settings.perSecond} tokens/s each, none lost, p99 age of a token`;
    return [atMost(question, row?.p99Ms ?? Number.NaN, 750, inUnits("ms"))];
  });
}

function soak() {
  return from("soak", ({ result, settings }) => [
    {
      question: `memory in ${settings.minutes} minutes of readers of every kind`,
      target: "flat, no answer wrong",
      seen: `${result.slopes.heldMiB.toFixed(2)} MiB/min, ${result.faults} wrong`,
      met: result.flat && result.faults === 0,
    },
  ]);
}
