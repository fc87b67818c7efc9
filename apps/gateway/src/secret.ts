import { randomBytes } from "node:crypto";
import type { LogStore } from "sluice/log";

// No key can name this owner: names of owners have no colon.
const OWNER = "sluice:system";
const CLAIM = "secret";
const CENTURY_MS = 3_155_760_000_000;

export interface KeptSecretOptions {
  /** How long the maker of a secret has to write it, before another takes over. Default 10,000. */
  readonly waitMs?: number;
}

/**
 * The secret that signs cookies: made once and kept in the store, so that every node that shares the store verifies
 * what another has signed, and a restart logs nobody out where the store outlives the process.
 */
export async function keptSecret(store: LogStore, options: KeptSecretOptions = {}): Promise<string> {
  const { waitMs = 10_000 } = options;
  const made = randomBytes(32).toString("hex");
  const lease = { holder: made.slice(0, 16), ttlMs: waitMs };
  const { created, state, fence } = await store.create(`system_${randomBytes(16).toString("hex")}`, {
    owner: OWNER,
    meta: {},
    ttlMs: CENTURY_MS,
    lease,
    claim: { key: CLAIM, hash: "" },
  });
  if (!created) {
    const kept = await firstEntry(store, state.id, AbortSignal.timeout(waitMs));
    if (kept !== undefined) return checked(kept);
  }
  // Whoever took the claim before us has died before it wrote.
  const write = created ? { fence } : await store.lease(state.id, lease);
  await store.close(state.id, [JSON.stringify(made)], { expected: 0, fence: write.fence });
  return made;
}

async function firstEntry(store: LogStore, id: string, signal: AbortSignal): Promise<string | undefined> {
  for await (const { entries } of store.tail(id, { after: 0, signal })) {
    if (entries[0] !== undefined) return entries[0];
  }
  return undefined;
}

// Whatever else may stand there (the end of a log whose producer was lost, say) is no secret.
function checked(entry: string): string {
  const secret = /^"([\da-f]{64})"$/.exec(entry)?.[1];
  if (secret === undefined) throw new Error("What the store keeps as its secret is none. Set SLUICE_SECRET.");
  return secret;
}
