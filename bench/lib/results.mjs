import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";

const folder = new URL("../results/", import.meta.url);

const [load = 0] = loadavg();

/**
 * What a run measured, for the report. Not committed: the report is.
 *
 * @param {string} name
 * @param {object} result
 */
export function saveResult(name, result) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    new URL(`${name}.json`, folder),
    JSON.stringify({ at: new Date().toISOString(), machine: machine(), ...result }, undefined, 2),
  );
}

/**
 * @param {string} name
 * @returns {any}
 */
export function loadResult(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
}

/** @param {string} name */
export function hasResult(name) {
  return existsSync(new URL(`${name}.json`, folder));
}

/** The line without which a number says nothing. */
function machine() {
  const model = cpus()[0]?.model ?? "unknown processor";
  const cores = `${availableParallelism()} cores (load ${load.toFixed(1)} before the run)`;
  return `${model}, ${cores}, Node ${process.versions.node}, ${process.platform}`;
}
