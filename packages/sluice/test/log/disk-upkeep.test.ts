import { open } from "lmdb";
import { describe, expect, it } from "vitest";
import { silent } from "../../src/base/log.ts";
import { createDiskLog } from "../../src/log/disk.ts";
import { openParts } from "../../src/log/disk/open.ts";
import { createManualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { folder, killedCopy, readAll } from "./disk-support.ts";

const MAKE = { owner: "owner", meta: {}, ttlMs: 60_000, lease: { holder: "a", ttlMs: 60_000 } };

/** What is in the database of a closed directory, by the first letter of its key. */
async function keysIn(path: string): Promise<Readonly<Record<string, number>>> {
  const db = open<Buffer, Buffer>({ path, keyEncoding: "binary", encoding: "binary" });
  const count: Record<string, number> = {};
  for (const key of db.getKeys({})) {
    const kind = key.toString("latin1", 0, 1);
    count[kind] = (count[kind] ?? 0) + 1;
  }
  await db.close();
  return count;
}

/** A closed log whose entries came to the database two by two, in a directory that nobody has open. */
async function smallBlocks(path: string, clock: ManualClock, count: number): Promise<readonly string[]> {
  const { logs, ...parts } = await openParts(path, { durability: "process", clock, log: silent });
  const expected: string[] = [];
  parts.db.transact(() => logs.create("a", MAKE));
  while (expected.length < count) {
    const entries = [`${expected.length}`, `é${"x".repeat(expected.length % 300)}`];
    logs.append("a", entries, { expected: expected.length, fence: 1 });
    parts.db.transact(() => logs.flush(logs.unflushed()));
    expected.push(...entries);
  }
  parts.db.transact(() => logs.close("a", ["t"], { expected: count, fence: 1 }));
  await parts.checkpoint.finish();
  parts.journal.close();
  await parts.db.close();
  await parts.ownership.release();
  return [...expected, "t"];
}

describe("upkeep", () => {
  it("packs a closed log into large blocks while it is read, also after the process was killed", async () => {
    const clock = createManualClock();
    const path = await folder();
    const expected = await smallBlocks(path, clock, 1_200);
    expect(await keysIn(path)).toMatchObject({ b: 601, z: 1 });

    const first = await createDiskLog({ path, clock });
    await clock.advance(1_000);
    expect(await readAll(first, "a")).toEqual(expected);
    const copy = await killedCopy(path);
    await first[Symbol.asyncDispose]();
    const halfway = await keysIn(await killedCopy(copy));
    expect(halfway).toMatchObject({ z: 1 });
    expect(halfway["b"]).toBeLessThan(601);

    const second = await createDiskLog({ path: copy, clock });
    for (let step = 0; step < 10; step += 1) {
      await clock.advance(step < 5 ? 5 : 1_000);
      expect(await readAll(second, "a")).toEqual(expected);
      expect((await second.read("a", { after: 299, maxEntries: 3 })).entries).toEqual(expected.slice(299, 302));
    }
    await second[Symbol.asyncDispose]();
    const packed = await keysIn(copy);
    expect(packed["b"]).toBeLessThan(20);
    expect(packed["z"]).toBeUndefined();
    await using third = await createDiskLog({ path: copy, clock });
    expect(await readAll(third, "a")).toEqual(expected);
  });

  it("leaves nothing of an expired or a deleted log", async () => {
    const path = await folder();
    const clock = createManualClock();
    const store = await createDiskLog({ path, clock });
    for (let log = 0; log < 40; log += 1) {
      const id = `log ${log}`;
      const { fence } = await store.create(id, { ...MAKE, claim: { key: id, hash: "" } });
      await store.append(id, ["a", "b"], { expected: 0, fence });
      await store.close(id, ["t"], { expected: 2, fence });
    }
    const { fence } = await store.create("deleted", MAKE);
    await store.append("deleted", ["a"], { expected: 0, fence });
    await store.delete("deleted");
    await store.create("open", { ...MAKE, owner: "other" });
    await clock.advance(60_000);
    for (let step = 0; step < 200; step += 1) await clock.advance(5);
    expect((await store.list({ owner: "owner", limit: 100 })).logs).toEqual([]);
    await store[Symbol.asyncDispose]();
    expect(await keysIn(path)).toEqual({ i: 1, l: 1, o: 1, r: 1, v: 1 });
  });

  it("never removes the blocks of a log that was made under the id of one that expired", async () => {
    const path = await folder();
    const clock = createManualClock();
    const expected = await smallBlocks(path, clock, 40);
    await using store = await createDiskLog({ path, clock });
    expect(await readAll(store, "a")).toEqual(expected);
    await clock.advance(60_000);
    const { fence } = await store.create("a", MAKE);
    await store.append("a", ["new"], { expected: 0, fence });
    await clock.advance(2_000);
    expect(await readAll(store, "a")).toEqual(["new"]);
  });
});
