import { startChild } from "./child.mjs";
import { profileArgs } from "./profile.mjs";

/**
 * @typedef {import("./child.mjs").Child} Child
 * @typedef {import("../contenders/parts.mjs").Plan} Plan
 */

// Thousands of connections, and tens of megabytes.
const CALL_MS = 300_000;

/** @param {string} name @param {string} profile a folder, or empty */
export function startLive(name, profile) {
  const nodeArgs = ["--expose-gc", ...profileArgs(profile, name)];
  return startChild({ core: 0, file: "live-child.mjs", args: [name], nodeArgs, callMs: CALL_MS });
}

export function startLiveClient() {
  return startChild({ core: 1, file: "live-client.mjs", callMs: CALL_MS });
}

/**
 * What is wrong with what the readers of a contender are sent, if anything, and how many events one of them has.
 *
 * @param {{ server: Child, client: Child, plan: Plan, readers: number, merges: boolean, late?: boolean }} options
 * `late`: they come when everything is there
 * @returns {Promise<{ fault?: string, events: number, first: { ms: number, bytes: number, textBytes: number } }>}
 */
export async function checkLive({ server, client, plan, readers, merges, late = false }) {
  const ask = await server.call("open", plan);
  const join = () => client.call("joinParsed", { ask, readers, plan });
  if (!late) await join();
  await server.call("begin", ask.path);
  if (late) {
    await server.call("poured", ask.path);
    await join();
  }
  // What a contender loses has to be waited for until its answer is over.
  const checked = client.call("checked", { plan, merges });
  await Promise.race([checked, server.call("poured", ask.path).then(() => pause(GRACE_MS))]);
  await server.call("release", ask.path);
  return checked;
}

const GRACE_MS = 5_000;

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
