import { readFileSync } from "node:fs";

/** Where servers run that a contender needs: Redis, or a server that is reached by HTTP. */
export const SERVER_CORE = 1;

// Of Linux: /proc counts in hundredths of a second.
const TICK_US = 10_000;

/**
 * Processor time of another process so far, in microseconds.
 *
 * @param {number} pid
 */
export function processorTime(pid) {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [user, system] = fields.split(" ").slice(11, 13);
  return (Number(user) + Number(system)) * TICK_US;
}

/**
 * A line of /proc/<pid>/status, in MiB.
 *
 * @param {"VmRSS" | "VmHWM" | "RssAnon" | "RssFile"} name
 * @param {number | "self"} [pid]
 * @returns {number}
 */
export function memoryOf(name, pid = "self") {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1_024;
}
