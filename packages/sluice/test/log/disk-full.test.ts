import { afterEach, describe, expect, it, vi } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { createDiskLog } from "../../src/log/disk.ts";
import type { Database } from "../../src/log/disk/database.ts";
import { openJournal, readJournal } from "../../src/log/disk/journal.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { folder, killedCopy, readAll } from "./disk-support.ts";

// On a full disk a flush that shared its transaction with others counted as done, though it had written nothing. The
// journal began anew over entries that were nowhere else: a gateway killed then had lost what it had acknowledged.

const disk = vi.hoisted(() => ({ full: false, tooFullToCut: false }));
afterEach(() => {
  disk.full = false;
  disk.tooFullToCut = false;
});

vi.mock("node:fs", async (load) => {
  const real = await load<typeof import("node:fs")>();
  return {
    ...real,
    ftruncateSync(file: number, length?: number) {
      if (disk.tooFullToCut) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      real.ftruncateSync(file, length);
    },
  };
});

vi.mock("../../src/log/disk/database.ts", async (load) => {
  const real = await load<{ openDatabase(directory: string): Database }>();
  return {
    ...real,
    openDatabase(directory: string): Database {
      const db = real.openDatabase(directory);
      return {
        ...db,
        put(key, value) {
          if (disk.full) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
          db.put(key, value);
        },
      };
    },
  };
});

const CYCLE_MS = 1_000;

describe("a disk log whose database takes nothing for a while", () => {
  it.each(["process", "disk"] as const)("loses nothing that it acknowledged: %s", async (durability) => {
    const path = await folder();
    const time = createManualClock();
    const taken = ["1"];
    let asked = 1;
    let appends: Promise<void>[] = [];
    const append = async (): Promise<void> => {
      const text = String((asked += 1));
      const refused = await store.append("a", [text], { expected: taken.length, fence: 1 }).catch(() => "refused");
      if (refused !== "refused") taken.push(text);
    };
    // Appends in the turn of the event loop in which the cycle brings the journal into the database.
    const clock: Clock = {
      now: time.now,
      timer: (ms, run) =>
        time.timer(ms, () => {
          run();
          if (disk.full && ms === CYCLE_MS) appends.push(append());
        }),
    };
    await using store = await createDiskLog({ path, durability, clock });
    await store.create("a", { owner: "o", meta: {}, ttlMs: 3_600_000, lease: { holder: "h", ttlMs: 3_600_000 } });
    await store.append("a", ["1"], { expected: 0, fence: 1 });
    for (let cycle = 0; cycle < 3; cycle += 1) {
      disk.full = true;
      await time.advance(CYCLE_MS);
      await Promise.all(appends);
      appends = [];
      // The cycle is over when its timer is set again, beside that of the upkeep.
      while (time.timers < 2) await new Promise(setImmediate);
      disk.full = false;
      await using killed = await createDiskLog({ path: await killedCopy(path) });
      expect(await readAll(killed, "a")).toEqual(taken);
    }
    const before = taken.length;
    await time.advance(CYCLE_MS);
    while (taken.length === before) await append();
    expect(await readAll(store, "a")).toEqual(taken);
  });
});

// Btrfs may need room to cut a file off. What it had refused stayed in the file, and came back after a kill in the place
// of what had been acknowledged since.
describe("a journal that cannot be cut off", () => {
  it("stays in the file until something lies over what was dropped", async () => {
    const path = await folder();
    const journal = openJournal(path);
    journal.reset();
    const put = (text: string): void => {
      journal.add({ log: 1, after: 0, entries: [text] });
      journal.write();
    };
    const left = (): readonly string[] => [...readJournal(path)].flatMap(({ entries }) => entries);
    put("kept");
    journal.keep();
    disk.tooFullToCut = true;
    put("dropped".repeat(100));
    journal.drop();
    journal.turn();
    put("in its place");
    journal.keep();
    expect(left()).toEqual(["kept", "in its place"]);
    journal.turn();
    put("in the other file");
    journal.keep();
    journal.turn();
    put("anew");
    journal.keep();
    expect(left()).toEqual(["in the other file", "anew"]);
    journal.close();
  });
});
