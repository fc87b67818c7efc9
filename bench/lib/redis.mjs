import { startRedisServer } from "sluice/testing";
import { pin } from "./child.mjs";
import { SERVER_CORE } from "./proc.mjs";

// What an operator has who wants to keep what he stores. No rewrite of the log: a fork would hit one round and no other.
const ARGUMENTS = ["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"];

/**
 * A Redis server of one's own, on its core. It ends with this process.
 *
 * @param {string} dir where its files lie: there already, and empty
 */
export async function startRedis(dir) {
  const server = await startRedisServer({ dir, args: ARGUMENTS });
  pin(server.pid, SERVER_CORE);
  return server;
}
