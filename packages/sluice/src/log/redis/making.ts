import { randomUUID } from "node:crypto";
import { sleep } from "../../base/clock.ts";
import { SluiceError } from "../../base/errors.ts";
import type { CreateLog, Created } from "../types.ts";
import { findLog, type Context } from "./context.ts";
import type { Indexes } from "./indexes.ts";
import { parseState, type Reply, type Stored } from "./reply.ts";
import { CLAIM } from "./scripts/claim.ts";
import { CREATE } from "./scripts/create.ts";

/**
 * A claim is its maker's for five seconds. The log is made within three, or not at all: the difference is what the
 * clocks of the nodes of a Cluster may differ by.
 */
const CLAIM_MS = 5_000;
const MAKING_MS = 3_000;
const ATTEMPTS = 3;
/** About 30,000 years: PEXPIRE refuses what it cannot add to the time. */
const LONGEST_TTL_MS = 1e15;
const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 200;

/**
 * Makes a log, whose keys lie in different slots, so that a crash between any two steps leaves nothing that lies:
 * 1. the claim; 2. the places in the lists; 3. the log itself, which is what makes all of it true.
 * A claim or a place without a log is nothing, and is taken over or swept later.
 */
export async function makeLog(context: Context, indexes: Indexes, id: string, given: CreateLog): Promise<Created> {
  const token = randomUUID();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const claimed = await claim(context, id, token, given);
    if (claimed.by) return { created: false, ...claimed.by };
    const listed = await indexes.add(id, given);
    const made = await create(context, id, token, given, (claimed.at ?? listed.at) + MAKING_MS);
    switch (made.status) {
      case "ok": {
        // The list had a place of an earlier log with this id, which is not the newest.
        if (!listed.fresh) await indexes.moveUp(id, given.owner);
        void indexes.sweep(given.owner, listed.sample);
        return { created: true, ...parseState(id, made.list(1)) };
      }
      case "exists": {
        if (given.claim) await indexes.settle(given.owner, given.claim.key, id);
        if (listed.fresh && made.text(1) !== given.owner) await indexes.dropFromList(id, given.owner);
        throw new SluiceError("log/exists", `There is a log ${id} already.`);
      }
      default: // late: this process, or Redis, stood still for seconds
    }
  }
  throw new SluiceError("log/unavailable", "The store took too long to make a log.");
}

/** Either the log that has the claim already, or the time at which it was claimed here. */
interface Claimed {
  readonly by?: Stored;
  readonly at?: number;
}

async function claim(context: Context, id: string, token: string, given: CreateLog): Promise<Claimed> {
  if (!given.claim) return {};
  const key = context.keys.claim(given.owner, given.claim.key);
  let found = "";
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(2 * pause, LONGEST_LOOK_MS)) {
    const answer = await context.commands.run(CLAIM, [key], [context.time(), token, id, CLAIM_MS, found]);
    if (answer.status === "mine") return { at: answer.number(1) };
    const holder = await findLog(context, answer.text(1));
    const { owner, claim: held } = holder?.state ?? {};
    if (holder && owner === given.owner && held?.key === given.claim.key) return { by: holder };
    // Its maker is at work, or was killed in the middle. Only what is not there when its time is over never comes.
    const isMakers = answer.number(3) > 0;
    found = isMakers ? "" : answer.text(2);
    if (isMakers) await sleep(context.clock, pause);
  }
}

function create(context: Context, id: string, token: string, given: CreateLog, deadline: number): Promise<Reply> {
  const { claim: claimed, limits, keepLast } = given;
  const fields = Object.entries({
    owner: given.owner,
    meta: JSON.stringify(given.meta),
    ttl: Math.min(given.ttlMs, LONGEST_TTL_MS),
    ...(claimed && { claimKey: claimed.key, claimHash: claimed.hash }),
    ...(limits && { maxBytes: limits.maxBytes, maxEntries: limits.maxEntries }),
    ...(keepLast !== undefined && { keepLast }),
  }).flat();
  return context.commands.run(
    CREATE,
    [context.keys.log(id), context.keys.entries(id)],
    [context.time(), token, deadline, given.lease?.holder ?? "", given.lease?.ttlMs ?? "", ...fields],
  );
}
