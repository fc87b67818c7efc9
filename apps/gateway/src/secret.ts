import { randomBytes } from "node:crypto";
import { isSluiceError } from "sluice/errors";
import type { LogStore } from "sluice/log";

// No key can name this owner: names of owners have no colon.
const OWNER = "sluice:system";
const CLAIM = "secret";
const CENTURY_MS = 3_155_760_000_000;

/**
 * The secret that signs cookies: made once and kept in the store, so that every node that shares the store verifies
 * what another has signed, and a restart logs nobody out where the store outlives the process.
 */
export async function keptSecret(store: LogStore): Promise<string> {
  // Without a lease: whoever writes first has made it, so none waits for another, which may have died.
  const { state, fence } = await store.create(`system_${randomBytes(16).toString("hex")}`, {
    owner: OWNER,
    meta: {},
    ttlMs: CENTURY_MS,
    claim: { key: CLAIM, hash: "" },
  });
  if (state.closedAt === undefined) {
    const made = randomBytes(32).toString("hex");
    try {
      await store.close(state.id, [JSON.stringify(made)], { expected: 0, fence });
      return made;
    } catch (error) {
      if (!isSluiceError(error, "log/closed") && !isSluiceError(error, "log/conflict")) throw error;
    }
  }
  const { entries } = await store.read(state.id, { after: 0 });
  return checked(entries[0] ?? "");
}

// Anything else that may stand there is no secret: everybody may know it.
function checked(entry: string): string {
  const secret = /^"([\da-f]{64})"$/.exec(entry)?.[1];
  if (secret === undefined) throw new Error("What the store keeps as its secret is none. Set SLUICE_SECRET.");
  return secret;
}
