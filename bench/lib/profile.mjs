import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { printTable } from "./table.mjs";

/**
 * What a child has to be started with to leave a profile behind.
 *
 * @param {string} folder empty for none
 * @param {string} name of the contender
 */
export function profileArgs(folder, name) {
  if (folder === "") return [];
  const file = `${name.replaceAll(/[^\w.-]+/g, "-")}.cpuprofile`;
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${file}`];
}

/**
 * Functions by the time spent in themselves, without what they call.
 *
 * @param {string} folder
 * @param {number} [top]
 */
export function printProfiles(folder, top = 25) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".cpuprofile"))) {
    const times = selfTimes(JSON.parse(readFileSync(join(folder, file), "utf8")));
    const busy = times.filter(([name]) => !name.startsWith("(idle)") && !name.startsWith("(program)"));
    const total = busy.reduce((sum, [, time]) => sum + time, 0);
    const rows = busy.slice(0, top).map(([name, time]) => {
      return [name, `${((100 * time) / total).toFixed(1)} %`, `${(time / 1_000).toFixed(0)} ms`];
    });
    printTable(`${file}: ${(total / 1_000).toFixed(0)} ms busy`, ["function", "self", "time"], rows);
  }
}

/**
 * @typedef {object} Profile
 * @property {{ id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[]} nodes
 * @property {number[]} samples
 * @property {number[]} timeDeltas
 */

/**
 * @param {Profile} profile
 * @returns {[string, number][]} microseconds, longest first
 */
function selfTimes({ nodes, samples, timeDeltas }) {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === "" ? "" : ` ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
      return [id, `${functionName || "(anonymous)"}${place}`];
    }),
  );
  /** @type {Map<string, number>} */
  const times = new Map();
  samples.forEach((id, index) => {
    const name = names.get(id) ?? "?";
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return [...times].toSorted(([, a], [, b]) => b - a);
}
