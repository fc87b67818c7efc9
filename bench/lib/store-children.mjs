import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startChild } from "./child.mjs";
import { profileArgs } from "./profile.mjs";
import { makeScratch } from "./scratch.mjs";

/**
 * A process on core 0 for each store. Who does not keep what it is given, in order, is named and left out.
 *
 * @param {readonly string[]} names
 * @param {string} profile a folder, or empty
 * @returns {Promise<Map<string, import("./child.mjs").Child>>}
 */
export async function startStores(names, profile) {
  const scratch = makeScratch();
  const children = new Map();
  for (const [index, name] of names.entries()) {
    const place = join(scratch, String(index));
    mkdirSync(place);
    const nodeArgs = profileArgs(profile, name);
    const child = await startChild({ core: 0, file: "store-child.mjs", args: [name, place], nodeArgs });
    const fault = await child.call("check");
    if (fault === undefined) {
      children.set(name, child);
      continue;
    }
    console.log(`${name} is left out: ${fault}`);
    await child.stop();
  }
  return children;
}
