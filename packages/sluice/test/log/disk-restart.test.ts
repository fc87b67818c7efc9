import { cpSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createDiskLog } from "../../src/log/disk.ts";
import type { Database } from "../../src/log/disk/database.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { folder, killedCopy, readAll } from "./disk-support.ts";

// A gateway that was killed, and killed again while it read its journal in at the next start, lost its whole store: what
// was read in had gone over pages of the checkpoint, to which the start after that went back (`log/corrupt`).

const start = vi.hoisted(() => ({ committed: (): void => {} }));
afterEach(() => {
  start.committed = () => {};
});

vi.mock("../../src/log/disk/database.ts", async (load) => {
  const real = await load<{ openDatabase(directory: string): Database }>();
  return {
    ...real,
    openDatabase(directory: string): Database {
      const db = real.openDatabase(directory);
      return {
        ...db,
        transact(run) {
          db.transact(run);
          start.committed();
        },
      };
    },
  };
});

const LEASE = { holder: "h", ttlMs: 3_600_000 };

describe("a disk log whose process is killed while it starts after a kill", () => {
  it("loses nothing that it acknowledged", async () => {
    const path = await folder();
    const options = { clock: createManualClock(), durability: "disk" } as const;
    await using store = await createDiskLog({ path, ...options });
    const ids = Array.from({ length: 12 }, (_, log) => `log ${log}`);
    const expected = ["a", "b"].map((letter) => letter.repeat(20_000));
    for (const id of ids) {
      await store.create(id, { owner: "o", meta: {}, ttlMs: 3_600_000, lease: LEASE });
      await store.append(id, expected, { expected: 0, fence: 1 });
    }
    const killed = await killedCopy(path);
    const copies = await Promise.all(ids.map(() => folder()));
    const again: string[] = [];
    start.committed = () => {
      const copy = copies.pop();
      if (copy === undefined) return;
      cpSync(killed, copy, { recursive: true });
      again.push(copy);
    };
    await using whole = await createDiskLog({ path: killed, ...options });
    start.committed = () => {};
    expect(again.length).toBeGreaterThan(4);
    for (const copy of again) {
      await using found = await createDiskLog({ path: copy, ...options });
      for (const id of ids) expect(await readAll(found, id)).toEqual(expected);
    }
    for (const id of ids) expect(await readAll(whole, id)).toEqual(expected);
  });
});
