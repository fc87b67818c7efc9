import { circumstances, nameOf, times } from "./report.mjs";
import { short } from "./numbers.mjs";
import { loadResult } from "./results.mjs";
import { markdownTable } from "./table.mjs";

/**
 * @typedef {{ perSecond: number, readPerSecond: number, cpuUs: number, serverCpuUs: number }} Appended
 * @typedef {{ heapMiB: number, anonMiB: number, fileMiB: number }} Status
 */

/** Entries per second and processor time, without readers and with. */
export function appendSection() {
  const saved = loadResult("append");
  /** @type {[string, Record<string, Appended>][]} */
  const shapes = Object.entries(saved.result);
  const withReaders = (/** @type {Record<string, Appended>} */ of) => "resumable-stream" in of;
  return [
    "### append: entries of 200 bytes per second (× its raw row), processor time per entry",
    circumstances(saved),
    table(shapes.filter(([, of]) => !withReaders(of))),
    "With ten live readers, until the last of them has the last entry:",
    table(shapes.filter(([, of]) => withReaders(of))),
  ].join("\n\n");

  function table(/** @type {[string, Record<string, Appended>][]} */ asked) {
    const names = [...new Set(asked.flatMap(([, of]) => Object.keys(of)))];
    const rows = names.map((name) => [
      nameOf(name),
      ...asked.map(([, of]) => {
        const row = of[name];
        if (!row) return "-";
        const raw = of[saved.against[name]];
        const ratio = raw ? ` (${times(row.readPerSecond, raw.readPerSecond)})` : "";
        return `${short(row.readPerSecond)}${ratio}, ${short(row.cpuUs + row.serverCpuUs)} µs`;
      }),
    ]);
    return markdownTable(["contender", ...asked.map(([shape]) => shape)], rows);
  }
}

export function tailSection() {
  /** @type {{ against: Record<string, string>, result: Record<string, { p50Ms: number, p99Ms: number }>, settings: any }} */
  const { against, result, settings, ...saved } = loadResult("tail");
  const rows = Object.entries(result).map(([name, { p50Ms, p99Ms }]) => {
    const raw = result[against[name] ?? ""];
    return [nameOf(name), `${p50Ms.toFixed(3)} (${times(p50Ms, raw?.p50Ms)})`, p99Ms.toFixed(3)];
  });
  return [
    "### tail: milliseconds from an append to a reader (in brackets: its raw row = 1)",
    `${circumstances(/** @type {any} */ (saved))} One entry every ${settings.every} ms.`,
    markdownTable(["contender", "p50", "p99"], rows),
  ].join("\n\n");
}

export function replaySection() {
  const saved = ["text", "json"].map((data) => loadResult(`replay-${data}`));
  const [text, json] = saved;
  const names = [...new Set(saved.flatMap(({ result }) => Object.keys(result)))];
  const rows = names.map((name) => [
    nameOf(name),
    ...saved.flatMap(({ reference, result }) => {
      const row = result[name];
      if (!row) return ["-", "-"];
      const { mbPerSecond, eventsPerSecond } = row;
      return [`${short(mbPerSecond)} (${times(mbPerSecond, result[reference]?.mbPerSecond)})`, short(eventsPerSecond)];
    }),
  ]);
  const size = (/** @type {any} */ { reference, result, settings }) => {
    return `${settings.data} ${(result[reference].bytes / 1e6).toFixed(1)} MB`;
  };
  return [
    "### replay: MB/s of a run that is over (in brackets: `raw: res.write` = 1)",
    `${circumstances(text)} ${text.settings.n} events: ${size(text)}, ${size(json)}.`,
    markdownTable(["contender", "text, MB/s", "text, events/s", "json, MB/s", "json, events/s"], rows),
  ].join("\n\n");
}

export function memorySection() {
  const { result, settings, ...saved } = loadResult("memory");
  const cell = (/** @type {Status | undefined} */ status) => {
    return status ? [status.heapMiB, status.anonMiB, status.fileMiB].map((size) => size.toFixed(0)).join(" / ") : "-";
  };
  const rows = Object.entries(result).map(([name, row]) => [
    nameOf(name),
    String(row.runs),
    row.logMiB.toFixed(0),
    cell(row.before),
    row.peakAnonMiB.toFixed(0),
    cell(row.after),
    cell(row.reopened?.before),
    cell(row.reopened?.after),
    row.serverMiB?.toFixed(0) ?? "-",
  ]);
  const head = [
    "contender",
    "runs",
    "their log",
    "before",
    "most RssAnon",
    "after",
    "opened again",
    "listed and read",
    "Redis",
  ];
  return [
    `### memory: MiB of a node with finished runs of ${settings.events} events (heap / RssAnon / RssFile)`,
    circumstances(/** @type {any} */ (saved)),
    markdownTable(head, rows),
  ].join("\n\n");
}
