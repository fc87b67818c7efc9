import { short } from "./numbers.mjs";
import { circumstances, nameOf, times } from "./report.mjs";
import { loadResult } from "./results.mjs";
import { markdownTable } from "./table.mjs";

/** @typedef {import("./jobs.mjs").Cost} Cost */

export function flowSection() {
  /** @type {{ reference: string, jobs: string[], result: Record<string, Record<string, Cost>> }} */
  const { reference, jobs, result, ...saved } = loadResult("flow");
  const base = result[reference] ?? {};
  const rows = Object.entries(result).map(([name, row]) => [
    nameOf(name),
    ...jobs.map((job) => {
      const { ns, fault = "-" } = row[job] ?? {};
      const by = base[job]?.ns;
      if (ns === undefined) return fault;
      return by === undefined || name === reference
        ? short(ns)
        : `${short(ns)} (${ns < by ? "" : "+"}${short(ns - by)})`;
    }),
  ]);
  return [
    "### flow: nanoseconds per token (more than the same by hand)",
    circumstances(/** @type {any} */ (saved)),
    markdownTable(["contender", ...jobs], rows),
  ].join("\n\n");
}

export function agentsSection() {
  /** @type {{ reference: string, result: Record<string, Cost> }} */
  const { reference, result, ...saved } = loadResult("agents");
  const base = result[reference]?.ns;
  const rows = Object.entries(result).map(([name, { ns, fault = "-" }]) => [
    nameOf(name),
    ns === undefined ? fault : `${short(ns)} (${times(base, ns)})`,
  ]);
  return [
    `### agents: a chain of three, nanoseconds per token (speed, \`${reference}\` = 1)`,
    circumstances(/** @type {any} */ (saved)),
    markdownTable(["contender", "per token"], rows),
  ].join("\n\n");
}
