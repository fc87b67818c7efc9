import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

const folder = new URL("../results/", import.meta.url);

/**
 * What a run measured, for the report. Not committed: the report is.
 *
 * @param {string} name
 * @param {object} result
 */
export function saveResult(name, result) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.json`, folder), JSON.stringify({ machine: machine(), ...result }, undefined, 2));
}

/**
 * @param {string} name
 * @returns {any}
 */
export function loadResult(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
}

/** The line without which a number says nothing. */
function machine() {
  const model = cpus()[0]?.model ?? "unknown processor";
  return `${model}, ${availableParallelism()} cores, Node ${process.versions.node}, ${process.platform}`;
}
