import type { Clock } from "../../base/clock.ts";
import type { Commits } from "./commits.ts";
import type { Database } from "./database.ts";
import { blockKey, decodeBlock, encodeBlock, key, lastNumber, number48, pack } from "./layout.ts";
import type { Logs } from "./logs.ts";

/** The work that nobody waits for: packing closed logs, removing expired ones. */
export interface Upkeep {
  /** There is something to do: it is begun soon. */
  soon(): void;
  end(): void;
}

export interface UpkeepOptions {
  readonly db: Database;
  readonly logs: Logs;
  readonly commits: Commits;
  readonly clock: Clock;
  readonly failed: (error: unknown) => void;
}

// A step reads and writes at most this much, about a millisecond's work, and leaves the event loop to others then.
const STEP_BLOCKS = 128;
const STEP_LENGTH = 64 * 1024;
const STEP_LOGS = 16;
const PAUSE_MS = 5;
const IDLE_MS = 1_000;

export function startUpkeep(options: UpkeepOptions): Upkeep {
  const { db, logs, commits, clock, failed } = options;
  const steps: readonly Step[] = [
    { due: () => first(db, "x", clock.now() + 1), run: () => expire(db, logs, clock.now()) },
    { due: () => first(db, "d"), run: (found) => removeBlocks(db, lastNumber(found)) },
    { due: () => first(db, "z"), run: (found) => packBlocks(db, logs, lastNumber(found)) },
  ];
  let ended = false;
  let stepping = false;
  let waiting = IDLE_MS;
  let cancel = clock.timer(waiting, step);

  function wait(ms: number): void {
    if (ended) return;
    cancel();
    waiting = ms;
    cancel = clock.timer(ms, step);
  }

  function step(): void {
    stepping = true;
    void work().finally(() => {
      stepping = false;
    });
  }

  async function work(): Promise<void> {
    try {
      const found = steps.find(({ due }) => due());
      if (!found) return wait(IDLE_MS);
      await commits.add("record", () => {
        const due = found.due();
        if (due) found.run(due);
      });
      wait(PAUSE_MS);
    } catch (error) {
      failed(error);
      wait(IDLE_MS);
    }
  }

  return {
    soon() {
      if (!stepping && waiting > PAUSE_MS) wait(PAUSE_MS);
    },
    end() {
      ended = true;
      cancel();
    },
  };
}

interface Step {
  due(): Buffer | undefined;
  run(due: Buffer): void;
}

/** @param before only keys with a smaller number in front */
function first(db: Database, kind: string, before = Number.MAX_SAFE_INTEGER): Buffer | undefined {
  for (const found of db.keys({ from: key(kind), to: key(kind, before), limit: 1 })) return found;
  return undefined;
}

function expire(db: Database, logs: Logs, now: number): void {
  const due = [...db.keys({ from: key("x"), to: key("x", now + 1), limit: STEP_LOGS })];
  for (const found of due) {
    const head = logs.heads.stored(lastNumber(found));
    if (head) logs.remove(head);
    else db.remove(found);
  }
}

function removeBlocks(db: Database, number: number): void {
  const range = { from: blockKey(number, 0), to: blockKey(number + 1, 0), limit: STEP_BLOCKS };
  const blocks = [...db.keys(range)];
  for (const block of blocks) db.remove(block);
  if (blocks.length < STEP_BLOCKS) db.remove(key("d", number));
}

/** Writes the entries of some small blocks as large ones. A reader finds every entry at any moment. */
function packBlocks(db: Database, logs: Logs, number: number): void {
  const head = logs.heads.stored(number);
  const packed = lastNumber(db.get(key("z", number)) ?? number48(0));
  const small: Buffer[] = [];
  const entries: string[] = [];
  let last = packed;
  let length = 0;
  db.remove(key("z", number)); // also when a block cannot be read: packing is not worth a second try
  const range = { from: blockKey(number, packed + 1), to: blockKey(number + 1, 0), limit: STEP_BLOCKS };
  for (const block of db.entries(range)) {
    const found = decodeBlock(block.value);
    small.push(block.key);
    for (const entry of found) entries.push(entry);
    last = lastNumber(block.key);
    length += block.value.length;
    if (length >= STEP_LENGTH) break;
  }
  const large = pack(entries);
  let sequence = last - entries.length;
  let full = sequence;
  if (head && large.length < small.length) for (const block of small) db.remove(block);
  for (const block of large) {
    full = sequence;
    sequence += block.entries.length;
    if (head && large.length < small.length) db.put(blockKey(number, sequence), encodeBlock(block, head));
  }
  // The last one may be a small one still: it is taken up again with what follows it.
  if (head && last < head.last) db.put(key("z", number), number48(small.length === 1 ? last : full));
}
