import { short } from "./numbers.mjs";
import { circumstances, nameOf, times } from "./report.mjs";
import { loadResult } from "./results.mjs";
import { markdownTable } from "./table.mjs";

/**
 * @typedef {{ eventsPerSecond: number, cpuUs: number, peakMiB: number, resumes: boolean }} Row
 * @typedef {{ reference: string, result: Record<string, Row> }} Served
 */

export function serveSection() {
  const [burst, json, tick, rate, long] = ["burst-text", "burst-json", "tick-text", "rate-text", "burst-long"].map(
    (name) => loadResult(`serve-${name}`),
  );
  const speed = (/** @type {Served} */ { reference, result }, /** @type {string} */ name) => {
    const row = result[name];
    if (!row) return "-";
    return `${short(row.eventsPerSecond)} (${times(row.eventsPerSecond, result[reference]?.eventsPerSecond)})`;
  };
  const cost = (/** @type {Served} */ { reference, result }, /** @type {string} */ name) => {
    const row = result[name];
    return row ? `${short(row.cpuUs)} (${times(row.cpuUs, result[reference]?.cpuUs)})` : "-";
  };
  /** @type {[string, Row][]} */
  const all = Object.entries({ ...rate.result, ...burst.result });
  const memory = (/** @type {Served} */ { result }, /** @type {string} */ name) => {
    const row = result[name];
    return row ? row.peakMiB.toFixed(0) : "-";
  };
  const rows = all.map(([name, { resumes }]) => [
    nameOf(name),
    resumes ? "**yes**" : "no",
    speed(burst, name),
    ...[burst, json, tick, rate].map((of) => cost(of, name)),
    ...[burst, rate].map((of) => memory(of, name)),
  ]);
  const { readers, ms } = rate.settings;
  return [
    "### serve: processor time per event (in brackets: `raw: res.write(string)` = 1)",
    `${circumstances(burst)} Rate: ${readers} readers, one event every ${ms} ms each.`,
    markdownTable(
      [
        "contender",
        "keeps a log, resumes",
        "burst of text, events/s",
        "burst of text, µs",
        "burst of json, µs",
        "tick, µs",
        "rate, µs",
        "burst of text, MiB",
        "rate, MiB",
      ],
      rows,
    ),
    `One event is 1.2 KB of text. To one reader, ${long.settings.n} of them; the first byte and what is saved, of 100 of them:`,
    longTable(long),
  ].join("\n\n");
}

/** @param {any} saved */
function longTable({ reference, result }) {
  const raw = result[reference];
  const rows = Object.entries(result).map(([name, row]) => [
    nameOf(name),
    short(row.mbPerSecond),
    `${short(row.cpuUs)} (${times(row.cpuUs, raw?.cpuUs)})`,
    row.saved > 0 ? `${(100 * row.saved).toFixed(0)} %` : "-",
    row.firstMs.toFixed(1),
  ]);
  return markdownTable(["contender", "MB/s, decompressed", "µs per event", "saved", "first byte, ms"], rows);
}
