import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { whenAborted } from "../base/abort.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { silent, type Logger } from "../base/log.ts";
import { storeError } from "./disk/database.ts";
import { openParts, type Durability, type Parts } from "./disk/open.ts";
import { createCommits, type Commits, type Kind } from "./disk/commits.ts";
import { startUpkeep, type Upkeep } from "./disk/upkeep.ts";
import { released } from "./refusals.ts";
import type {
  AppendAt,
  Appended,
  CloseAt,
  CreateLog,
  Created,
  Lease,
  LeaseRequest,
  ListLogs,
  LogPage,
  LogSlice,
  LogState,
  LogStore,
  ReadLog,
  TailLog,
} from "./types.ts";

export interface DiskLogOptions {
  /** A directory of its own, made when it is missing. One process may have it open. */
  readonly path: string;
  /**
   * What an acknowledged append outlives. `process`, the default: the end of the process in any way; a crash of the
   * machine takes what its page cache had not written yet, a second or so, and nothing else. `disk`: a crash of the
   * machine too; each answer waits for an fsync.
   */
  readonly durability?: Durability;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/**
 * Logs on disk, in LMDB (the package `lmdb`, which the caller installs). What is appended in one turn of the event loop
 * is written together. Expired logs are removed, and closed ones packed, in small steps in the background.
 * @throws SluiceError `log/locked` when another process has the directory, `log/corrupt`, `log/unavailable`
 */
export async function createDiskLog(options: DiskLogOptions): Promise<LogStore> {
  const { durability = "process", clock = systemClock, log = silent } = options;
  const path = resolve(options.path);
  try {
    await mkdir(path, { recursive: true });
    return new DiskLog(await openParts(path, { durability, clock, log }), { durability, clock, log });
  } catch (error) {
    throw storeError(error);
  }
}

interface Settings {
  readonly durability: Durability;
  readonly clock: Clock;
  readonly log: Logger;
}

// How long an entry is in the journal only, and with `process` durability how much a crash of the machine takes.
const CYCLE_MS = 1_000;
// What may wait in memory for its way into the database, in characters.
const MAX_UNFLUSHED = 1024 * 1024;

class DiskLog implements LogStore {
  readonly reach = "machine";
  readonly #parts: Parts;
  readonly #settings: Settings;
  readonly #commits: Commits;
  readonly #upkeep: Upkeep;
  /** Called, and forgotten, at the next change of the log. */
  readonly #waiting = new Map<string, Set<() => void>>();
  #cycle: { readonly kind: "waiting"; cancel(): void } | { readonly kind: "running"; done: Promise<void> } | undefined;
  #changed = false;
  #flushing: Promise<boolean> | undefined;
  /** The checkpoint on the disk has all that is in the journal's other file. */
  #turnable = true;
  #released: Promise<void> | undefined;

  constructor(parts: Parts, settings: Settings) {
    this.#parts = parts;
    this.#settings = settings;
    const { db, journal, logs } = parts;
    this.#commits = createCommits({
      db,
      journal,
      persist: settings.durability === "disk" ? (written) => this.#persist(written) : undefined,
      settled: (written) => this.#settled(written),
      undone: () => logs.undo(),
    });
    this.#upkeep = startUpkeep({
      db,
      logs,
      commits: this.#commits,
      clock: settings.clock,
      failed: (error) => settings.log("error", "a step of the store's upkeep failed", { error }),
    });
  }

  create(id: string, options: CreateLog): Promise<Created> {
    return this.#change("record", () => this.#parts.logs.create(id, options));
  }

  append(id: string, entries: readonly string[], at: AppendAt): Promise<Appended> {
    return this.#change("append", () => this.#parts.logs.append(id, entries, at));
  }

  async close(id: string, entries: readonly string[], at: CloseAt): Promise<Appended> {
    const appended = await this.#change("record", () => this.#parts.logs.close(id, entries, at));
    this.#upkeep.soon();
    return appended;
  }

  requestStop(id: string): Promise<LogState> {
    return this.#change("record", () => this.#parts.logs.requestStop(id));
  }

  lease(id: string, request: LeaseRequest): Promise<Lease> {
    return this.#change("record", () => this.#parts.logs.lease(id, request));
  }

  async delete(id: string): Promise<boolean> {
    const deleted = await this.#change("record", () => this.#parts.logs.delete(id));
    this.#upkeep.soon();
    return deleted;
  }

  async read(id: string, options: ReadLog): Promise<LogSlice> {
    return this.#look(() => this.#parts.logs.read(id, options));
  }

  async state(id: string): Promise<LogState | undefined> {
    return this.#look(() => this.#parts.logs.state(id));
  }

  async find(owner: string, claim: string): Promise<LogState | undefined> {
    return this.#look(() => this.#parts.logs.find(owner, claim));
  }

  async list(options: ListLogs): Promise<LogPage> {
    return this.#look(() => this.#parts.logs.list(options));
  }

  async lapsed(limit: number): Promise<readonly string[]> {
    return this.#look(() => this.#parts.logs.lapsed(limit));
  }

  async *tail(id: string, options: TailLog): AsyncGenerator<LogSlice> {
    let { after } = options;
    while (!options.signal.aborted && !this.#released) {
      const slice = this.#look(() => this.#parts.logs.read(id, { ...options, after }));
      if (slice.entries.length === 0 && !slice.end) {
        await this.#nextChange(id, options.signal);
        continue;
      }
      after += slice.entries.length;
      yield slice;
      if (slice.end) return;
    }
  }

  async stopRequested(id: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#released) {
      const state = this.#look(() => this.#parts.logs.state(id));
      if (!state || state.stopRequested || state.closedAt !== undefined) return;
      await this.#nextChange(id, signal);
    }
    // A store that is let go of knows of no stop.
    await whenAborted(signal).promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#released ??= this.#release());
  }

  async #release(): Promise<void> {
    const { db, journal, checkpoint, ownership } = this.#parts;
    this.#upkeep.end();
    this.#wake(this.#waiting.keys());
    await this.#commits.idle();
    if (this.#cycle?.kind === "running") await this.#cycle.done;
    else this.#cycle?.cancel();
    try {
      await this.#flushing;
      if (!(await this.#flushAll())) throw new Error("not everything could be flushed");
      await checkpoint.finish();
      journal.remove();
    } catch (error) {
      // The journal has what the database could not take; it is read at the next start.
      this.#settings.log("error", "the store could not be closed cleanly", { error });
      await checkpoint.abandon();
    }
    journal.close();
    await db.close();
    await ownership.release();
  }

  #change<T>(kind: Kind, run: () => T): Promise<T> {
    if (this.#released) return Promise.reject(released());
    return this.#commits.add(kind, run);
  }

  #look<T>(run: () => T): T {
    if (this.#released) throw released();
    try {
      return run();
    } catch (error) {
      throw storeError(error);
    }
  }

  async #persist(written: ReadonlySet<Kind>): Promise<void> {
    const { journal, checkpoint } = this.#parts;
    const saved = written.has("record") || written.has("checkpoint") ? checkpoint.save() : undefined;
    const synced = written.has("append") ? journal.sync() : undefined;
    await Promise.all([saved, synced]);
  }

  #settled(written: ReadonlySet<Kind>): void {
    const { logs } = this.#parts;
    this.#wake(logs.heads.settle());
    if (written.has("append") || written.has("record")) this.#changed = true;
    if (this.#changed && !this.#cycle && !this.#released) this.#cycleLater();
    if (logs.unflushedLength > MAX_UNFLUSHED) void this.#flushAll();
  }

  #cycleLater(): void {
    const cancel = this.#settings.clock.timer(CYCLE_MS, () => {
      this.#cycle = { kind: "running", done: this.#runCycle() };
    });
    this.#cycle = { kind: "waiting", cancel };
  }

  /** Brings everything into the database and to the disk. */
  async #runCycle(): Promise<void> {
    const { journal, checkpoint } = this.#parts;
    while (this.#flushing) await this.#flushing;
    this.#changed = false;
    if (this.#turnable) journal.turn();
    this.#turnable = false;
    try {
      if (!(await this.#flushAll())) throw new Error("not everything could be flushed");
      if (this.#settings.durability === "disk") await this.#commits.add("checkpoint", () => {});
      else await checkpoint.save();
      this.#turnable = true;
    } catch (error) {
      this.#changed = true;
      this.#settings.log("error", "the store has no new checkpoint", { error });
    }
    this.#cycle = undefined;
    if (this.#changed && !this.#released) this.#cycleLater();
  }

  #flushAll(): Promise<boolean> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** Brings what was appended so far into the database, in steps between which others get their turn. */
  async #flush(): Promise<boolean> {
    const { logs } = this.#parts;
    const ids = logs.unflushed();
    try {
      while (ids.size > 0) {
        for (const id of await this.#commits.add("flush", () => logs.flush(ids))) ids.delete(id);
      }
    } catch (error) {
      logs.refuse(ids, storeError(error));
      return false;
    }
    logs.accept();
    return true;
  }

  #wake(ids: Iterable<string>): void {
    for (const id of ids) {
      const waiting = this.#waiting.get(id);
      if (!waiting) continue;
      this.#waiting.delete(id);
      for (const resolve of waiting) resolve();
    }
  }

  #nextChange(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const done = (): void => {
        signal.removeEventListener("abort", done);
        waiting.delete(done);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
        resolve();
      };
      waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
