import { noSuchPage } from "../refusals.ts";
import type { CreateLog, ListLogs, LogPage, LogState } from "../types.ts";
import { findLog, type Context } from "./context.ts";
import type { Reply } from "./reply.ts";
import { SETTLE } from "./scripts/claim.ts";
import { DUE, ENLIST, HELD, PAGE, SWEEP, WATCH } from "./scripts/indexes.ts";

/** Keys are kept for so long after the end of what they hold: the scripts tell the end exactly, PEXPIRE does not. */
export const KEPT_MS = 60_000;
/** Without a log for so long, a place in a list is nobody's. Makers give up after seconds. */
const YOUNG_MS = 60_000;
/** So long after the end of a log its server may still lose it: longer than a replica is ever behind. */
const UNDO_MS = 10_000;
const SAMPLE = 2;
const DUE_PAGE = 256;
const OFFSET = /^\d{1,16}$/;

/**
 * What lies outside a log's own slot: its place in its owner's list, its place among those whose lease may lapse, its
 * claim. The log itself is the truth. Whoever looks at an index and finds that it says too much corrects it.
 */
export class Indexes {
  readonly #context: Context;
  readonly #apart: boolean;

  /** @param apart the indexes may lie on another server than a log: one may lose what the other has kept */
  constructor(context: Context, apart: boolean) {
    this.#context = context;
    this.#apart = apart;
  }

  /** Before the log is made. `fresh` is false when the list has this id already. */
  async add(
    id: string,
    { owner, lease }: CreateLog,
  ): Promise<{ readonly at: number; readonly fresh: boolean; readonly sample: readonly string[] }> {
    const { commands, keys, time } = this.#context;
    const [listed] = await Promise.all([
      commands.run(ENLIST, [keys.owner(owner)], [time(), id, "", SAMPLE]),
      lease && commands.run(WATCH, [keys.due], [time(), id, lease.ttlMs]),
    ]);
    return { at: listed.number(1), fresh: listed.number(2) === 1, sample: listed.texts(3) };
  }

  async moveUp(id: string, owner: string): Promise<void> {
    const { commands, keys, time } = this.#context;
    await commands.run(ENLIST, [keys.owner(owner)], [time(), id, "again", SAMPLE]);
  }

  async dropFromList(id: string, owner: string): Promise<void> {
    await this.#context.commands.call("zrem", this.#context.keys.owner(owner), id);
  }

  /**
   * After the log is closed: its claim ends with it, and its lease cannot lapse. `due` is corrected last, so that
   * whoever finds the log there does the rest. Never rejects.
   */
  async closed(id: string, owner: string, key: string | undefined, leftMs: number): Promise<void> {
    try {
      if (key !== undefined) await this.settle(owner, key, id, leftMs + KEPT_MS);
      await this.#context.commands.call("zrem", this.#context.keys.due, id);
    } catch {
      // The next look at `due` finds it.
    }
  }

  /**
   * The same right after the close. A fail-over of the log's own server may undo that one, and not the index, so there
   * the log stays in the list for a while, to be looked at once more. Never rejects.
   */
  async justClosed(id: string, owner: string, key: string | undefined, leftMs: number): Promise<void> {
    if (!this.#apart) return this.closed(id, owner, key, leftMs);
    const { commands, keys, clock, time } = this.#context;
    const again = Number(time() || clock.now()) + UNDO_MS;
    try {
      if (key !== undefined) await this.settle(owner, key, id, leftMs + KEPT_MS);
      await commands.call("zadd", keys.due, "XX", "GT", String(again), id);
    } catch {
      // It stays at its place, and is looked at sooner.
    }
  }

  async deleted(id: string, owner: string, key: string | undefined): Promise<void> {
    await Promise.all([
      key === undefined ? undefined : this.settle(owner, key, id),
      this.dropFromList(id, owner),
      this.#context.commands.call("zrem", this.#context.keys.due, id),
    ]);
  }

  /** Ends the claim of a log, at once or after so many milliseconds. */
  async settle(owner: string, key: string, id: string, afterMs?: number): Promise<void> {
    const { commands, keys } = this.#context;
    await commands.run(SETTLE, [keys.claim(owner, key)], [id, afterMs ?? ""]);
  }

  /** Takes those ids out of the list that have no log. Never rejects. */
  async sweep(owner: string, ids: readonly string[]): Promise<void> {
    const { commands, keys, time } = this.#context;
    try {
      const found = await Promise.all(ids.map((id) => findLog(this.#context, id)));
      const gone = ids.filter((_, index) => found[index]?.state.owner !== owner);
      if (gone.length > 0) await commands.run(SWEEP, [keys.owner(owner)], [time(), YOUNG_MS, ...gone]);
    } catch {
      // It is done again by the next who lists, or makes a log.
    }
  }

  async list({ owner, limit, before }: ListLogs): Promise<LogPage> {
    const { commands, keys } = this.#context;
    if (before !== undefined && !OFFSET.test(before)) {
      throw noSuchPage();
    }
    const logs: { readonly place: string; readonly state: LogState }[] = [];
    let from = before === undefined ? "+inf" : `(${before}`;
    // One more than the page tells whether there is a next one.
    while (logs.length <= limit) {
      const count = limit + 1 - logs.length;
      const rows = pairs(await commands.run(PAGE, [keys.owner(owner)], [from, count]), 1);
      const found = await Promise.all(rows.map(({ id }) => findLog(this.#context, id)));
      const gone: string[] = [];
      for (const [index, { id, score }] of rows.entries()) {
        const state = found[index]?.state;
        if (state?.owner === owner) logs.push({ place: score, state });
        else gone.push(id);
        from = `(${score}`;
      }
      if (gone.length > 0) void this.sweep(owner, gone);
      if (rows.length < count) break;
    }
    const page = logs.slice(0, limit);
    const last = page.at(-1);
    return {
      logs: page.map(({ state }) => state),
      ...(last && logs.length > limit ? { next: last.place } : {}),
    };
  }

  /** After a lease was granted. Also heals the list when a fail-over has lost the entry. */
  async leased(id: string, till: number): Promise<void> {
    await this.#context.commands.call("zadd", this.#context.keys.due, "LT", String(till), id);
  }

  async lapsed(limit: number): Promise<readonly string[]> {
    const { grace } = this.#context;
    if (grace.leftMs > 0) return [];
    try {
      const ids = await this.#lapsed(limit);
      // Asked before Redis was away, and answered after: the producers are not back yet.
      return grace.leftMs > 0 ? [] : ids;
    } catch (error) {
      grace.start();
      throw error;
    }
  }

  async #lapsed(limit: number): Promise<readonly string[]> {
    const { commands, keys, time, grace } = this.#context;
    const lapsed: string[] = [];
    let from = 0;
    while (lapsed.length < limit) {
      const answer = await commands.run(DUE, [keys.due, keys.watch], [time(), from, DUE_PAGE, grace.ms]);
      if (answer.status === "wait") return [];
      const rows = pairs(answer, 2);
      const stays = await Promise.all(rows.map((row) => this.#look(row.id, row.score, answer.number(1), lapsed)));
      from += stays.filter(Boolean).length;
      if (rows.length < DUE_PAGE) break;
    }
    return lapsed.slice(0, limit);
  }

  /** Looks at a log that may have lapsed. Resolves with whether it stays at its place in the list. */
  async #look(id: string, score: string, now: number, lapsed: string[]): Promise<boolean> {
    const { commands, keys, time } = this.#context;
    const held = await commands.run(HELD, [keys.log(id)], [time()]);
    switch (held.status) {
      case "lapsed":
        lapsed.push(id);
        return true;
      case "leased":
        await commands.call("zadd", keys.due, "XX", "GT", held.text(1), id);
        return held.number(1) <= now; // on a Cluster the clocks of two nodes may say different things
      case "closed":
        await this.closed(id, held.text(2), held.maybe(3), Math.max(0, held.number(1)));
        return false;
      default: // no such log, or not yet; or one that nobody leases
        if (held.status === "not-found" && Number(score) > now - YOUNG_MS) return true;
        await commands.call("zrem", keys.due, id);
        return false;
    }
  }
}

function pairs(reply: Reply, index: number): readonly { readonly id: string; readonly score: string }[] {
  const texts = reply.texts(index);
  return Array.from({ length: texts.length / 2 }, (_, at) => ({
    id: texts[2 * at] ?? "",
    score: texts[2 * at + 1] ?? "",
  }));
}
