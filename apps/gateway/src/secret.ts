import type { LogStore } from "sluice/log";

const ID = "system_secret";
const OWNER = "system";
const CENTURY_MS = 3_155_760_000_000;
const WAIT_MS = 10_000;

/**
 * The secret that signs cookies: made once and kept in the store, so that every node that shares the store verifies
 * what another has signed, and a restart logs nobody out where the store outlives the process.
 */
export async function keptSecret(store: LogStore): Promise<string> {
  const made = crypto.randomUUID() + crypto.randomUUID();
  const { created, fence } = await store.create(ID, {
    owner: OWNER,
    meta: {},
    ttlMs: CENTURY_MS,
    lease: { holder: made.slice(0, 8), ttlMs: WAIT_MS },
    claim: { key: ID, hash: "" },
  });
  if (created) {
    await store.close(ID, [made], { expected: 0, fence });
    return made;
  }
  // Another node has made the log and is about to write into it.
  for await (const { entries } of store.tail(ID, { after: 0, signal: AbortSignal.timeout(WAIT_MS) })) {
    if (entries[0] !== undefined) return entries[0];
  }
  throw new Error("The store holds no secret. Set SLUICE_SECRET.");
}
