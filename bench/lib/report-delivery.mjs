import { circumstances, nameOf, times } from "./report.mjs";
import { short } from "./numbers.mjs";
import { hasResult, loadResult } from "./results.mjs";
import { markdownTable } from "./table.mjs";

export function fanoutSection() {
  const { reference, result, settings, ...saved } = loadResult("fanout");
  const counts = Object.keys(result);
  const names = [...new Set(counts.flatMap((readers) => Object.keys(result[readers])))];
  const rows = names.map((name) => [
    nameOf(name),
    ...counts.flatMap((readers) => {
      const [row, raw] = [result[readers][name], result[readers][reference]];
      if (!row) return ["-", "-", "-", "-"];
      return [
        `${short(row.deliveriesPerSecond)} (${times(row.deliveriesPerSecond, raw?.deliveriesPerSecond)})`,
        `${short(row.cpuUs)} (${times(row.cpuUs, raw?.cpuUs)})`,
        `${row.p99Ms.toFixed(1)} (${times(row.p99Ms, raw?.p99Ms)})`,
        `${(100 * row.clientLoad).toFixed(0)} %`,
      ];
    }),
  ]);
  const head = counts.flatMap((readers) => [
    `${readers} readers: deliveries/s`,
    "µs each",
    "single event, p99 ms",
    "client's core",
  ]);
  return [
    `### fanout: one run for many readers (in brackets: \`${reference}\` = 1)`,
    `${circumstances(/** @type {any} */ (saved))} ${settings.n} events back to back; ${settings.singles} single ones.`,
    markdownTable(["contender", ...head], rows),
  ].join("\n\n");
}

export function idleSection() {
  const { reference, result, settings, ...saved } = loadResult("idle");
  const raw = result[reference];
  const rows = Object.entries(result).map(([name, { rssKiB, heldKiB }]) => [
    nameOf(name),
    `${rssKiB.toFixed(1)} (${times(rssKiB, raw?.rssKiB)})`,
    heldKiB.toFixed(1),
  ]);
  return [
    `### idle: KiB per stream on which nothing happens (in brackets: \`${reference}\` = 1)`,
    `${circumstances(/** @type {any} */ (saved))} ${settings.conns} connections.`,
    markdownTable(["contender", "RSS", "of it JavaScript"], rows),
  ].join("\n\n");
}

export function stalledSection() {
  const { result, settings, ...saved } = loadResult("stalled");
  /** @param {{ heldKiB: number, rssKiB: number } | undefined} size */
  const cells = (size) => (size ? [size.heldKiB.toFixed(0), size.rssKiB.toFixed(0)] : ["-", "-"]);
  const rows = Object.entries(result).map(([name, { readers, live, late }]) => [
    nameOf(name),
    String(readers),
    ...cells(live),
    ...cells(late),
  ]);
  return [
    `### stalled: KiB per reader that takes nothing of ${settings.mb} MB, above one that is idle`,
    circumstances(/** @type {any} */ (saved)),
    markdownTable(["contender", "readers", "made meanwhile: held", "RSS", "all there: held", "RSS"], rows),
  ].join("\n\n");
}

export function lateSection() {
  const { result, settings, ...saved } = loadResult("late");
  const rows = Object.entries(result).map(([name, { frames, bytes, textBytes, ms }]) => [
    nameOf(name),
    frames.toFixed(0),
    `${bytes.toFixed(0)} (${times(bytes, textBytes)})`,
    ms.toFixed(1),
  ]);
  return [
    `### late: what a reader is sent of the first ${settings.n} tokens of an answer (in brackets: their text = 1)`,
    circumstances(/** @type {any} */ (saved)),
    markdownTable(["contender", "frames with text", "bytes", "ms until all is there"], rows),
  ].join("\n\n");
}

export function manySection() {
  const { reference, result, settings, ...saved } = loadResult("many");
  const raw = result[reference];
  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)} %`;
  const rows = Object.entries(result).map(([name, row]) => [
    nameOf(name),
    row.p50Ms.toFixed(1),
    row.p99Ms.toFixed(1),
    row.mostMs.toFixed(1),
    `${short(row.cpuUs)} (${times(row.cpuUs, raw?.cpuUs)})`,
    percent(row.load),
    percent(row.clientLoad),
    row.rssMiB.toFixed(0),
    row.kibEach.toFixed(0),
  ]);
  const { runs, perSecond, seconds } = settings;
  const head = [
    "contender",
    "age of a token, p50 ms",
    "p99",
    "most",
    "µs per token",
    "server's loop",
    "client's loop",
    "RSS, MiB",
    "KiB per run",
  ];
  return [
    `### many: ${short(runs)} live runs with a reader each (in brackets: \`${reference}\` = 1)`,
    `${circumstances(/** @type {any} */ (saved))} ${perSecond} tokens per second each, for ${seconds} s.`,
    markdownTable(head, rows),
  ].join("\n\n");
}

/** Of a flush: bytes against one gzip-6 context, and processor time. */
export function compressSection() {
  const { reference, jobs, result, memory, ...saved } = loadResult("compress");
  const rows = Object.keys(result).map((name) => [
    nameOf(name),
    ...jobs.flatMap((/** @type {string} */ job) => {
      const { bytes, us, fault = "-" } = result[name][job] ?? {};
      if (bytes === undefined) return [fault, "-"];
      return [`${bytes.toFixed(1)} (${times(bytes, result[reference]?.[job]?.bytes)})`, short(us)];
    }),
    short(memory[name]?.rss),
  ]);
  const head = jobs.flatMap((/** @type {string} */ job) => [`${job}, bytes`, "µs"]);
  return [
    `### compress: per event that is flushed by itself (in brackets: \`${reference}\` = 1)`,
    circumstances(/** @type {any} */ (saved)),
    markdownTable(["contender", ...head, "KiB per connection"], rows),
  ].join("\n\n");
}

/** It is run by itself: it takes longer than all others. @returns {string | undefined} */
export function soakSection() {
  if (!hasResult("soak")) return undefined;
  const { result, settings, ...saved } = loadResult("soak");
  const { slopes, flat, after, done, faults, samples } = result;
  const step = Math.max(1, Math.floor(samples.length / 10));
  const rows = [...samples.filter((/** @type {unknown} */ _, /** @type {number} */ at) => at % step === 0), after].map(
    ({ minute, rssMiB, heldMiB, connections }) => [
      minute.toFixed(1),
      rssMiB.toFixed(0),
      heldMiB.toFixed(0),
      String(connections),
    ],
  );
  const deeds = Object.entries(done).map(([name, count]) => `${name} ${count}`);
  const verdict = `**${flat ? "Flat" : "Not flat"}**: ${slopes.heldMiB.toFixed(2)} MiB per minute held, ${slopes.rssMiB.toFixed(2)} of RSS.`;
  return [
    `### soak: ${settings.minutes} minutes of readers of every kind`,
    `${circumstances(/** @type {any} */ (saved))} ${deeds.join(", ")}; ${faults} answers were wrong. ${verdict}`,
    markdownTable(["minute", "RSS, MiB", "held, MiB", "connections"], rows),
  ].join("\n\n");
}
