import { startChild } from "./child.mjs";
import { median } from "./numbers.mjs";
import { profileArgs } from "./profile.mjs";
import { interleave } from "./rounds.mjs";

/** @typedef {{ ns?: number, fault?: string }} Cost */

/**
 * Measures every contender at every job, each in a process of its own: those that pass the gate, warm, in turns.
 *
 * @param {object} what
 * @param {string} what.file of the process; it is given the contender's name, and answers `check` and `measure`
 * @param {readonly string[]} what.names
 * @param {readonly string[]} what.jobs
 * @param {{ rounds: number, ms: number, warmMs: number, profile: string }} what.options
 * @returns {Promise<Record<string, Record<string, Cost>>>} contender, then job
 */
export async function runJobs({ file, names, jobs, options }) {
  const { rounds, ms, warmMs, profile } = options;
  const started = await Promise.all(
    names.map((name) => startChild({ core: 0, file, args: [name], nodeArgs: profileArgs(profile, name) })),
  );
  const children = new Map(names.map((name, index) => [name, started[index]]));
  /** @type {Record<string, Record<string, Cost>>} */
  const result = Object.fromEntries(names.map((name) => [name, {}]));
  for (const job of jobs) {
    /** @type {Map<string, number[]>} */
    const times = new Map();
    for (const name of names) {
      const fault = await children.get(name)?.call("check", job);
      if (fault === undefined) times.set(name, []);
      else record(name, job, { fault });
      if (fault === undefined) await children.get(name)?.call("measure", { job, ms: warmMs });
    }
    await interleave([...times.keys()], rounds, async (name) => {
      times.get(name)?.push(await children.get(name)?.call("measure", { job, ms }));
    });
    for (const [name, values] of times) record(name, job, { ns: median(values) });
  }
  for (const child of children.values()) await child?.stop();
  return result;

  /** @param {string} name @param {string} job @param {Cost} value */
  function record(name, job, value) {
    const row = result[name];
    if (row) row[job] = value;
  }
}

/**
 * Nanoseconds of processor time per item, garbage collection included, over passes until the time is over.
 *
 * @param {{ ms: number, items: number, pass: () => Promise<void> }} what
 */
export async function timePasses({ ms, items, pass }) {
  const before = process.cpuUsage();
  let microseconds = 0;
  let passes = 0;
  do {
    await pass();
    passes += 1;
    const { user, system } = process.cpuUsage(before);
    microseconds = user + system;
  } while (microseconds < ms * 1_000);
  return (microseconds * 1_000) / (passes * items);
}
