import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { open } from "lmdb";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silent } from "../../src/base/log.ts";
import { createDiskLog } from "../../src/log/disk.ts";
import { checkFreeList } from "../../src/log/disk/free-list.ts";
import { openParts } from "../../src/log/disk/open.ts";
import { folder, killedCopy } from "./disk-support.ts";

// A killed gateway whose disk has garbage in LMDB's list of free pages: the check in a process of its own passed by
// luck, about once in a thousand, and the gateway died at its first write (CI, 2026-11-21).

const MAKE = { owner: "owner", meta: {}, ttlMs: 3_600_000, lease: { holder: "a", ttlMs: 3_600_000 } };
const PAGE = 4_096;

/** A directory whose process was killed, with so many records in its list, of which the first has so many pages. */
async function killed(records: number, pages: number): Promise<string> {
  const path = await folder();
  const { logs, db, journal, checkpoint, ownership } = await openParts(path, {
    durability: "process",
    clock: systemClock,
    log: silent,
  });
  const makeAll = (ids: readonly string[]): void =>
    db.transact(() => {
      for (const id of ids) {
        logs.create(id, MAKE);
        logs.append(id, ["x".repeat(PAGE)], { expected: 0, fence: 1 });
        logs.close(id, ["t"], { expected: 1, fence: 1 });
      }
    });
  const large = Array.from({ length: 2 * pages }, (_, index) => `large ${index}`);
  makeAll(large);
  logs.heads.settle();
  // The pin of a checkpoint keeps all that is freed from now on in the list.
  await checkpoint.save();
  // Pages side by side would be one number.
  db.transact(() => large.forEach((id, index) => index % 2 === 0 && logs.delete(id)));
  for (let record = 1; record < records; record += 1) makeAll([`record ${record}`]);
  logs.heads.settle();
  const copy = await killedCopy(path);
  await checkpoint.finish();
  journal.close();
  await db.close();
  await ownership.release();
  return copy;
}

const GARBAGE: Readonly<Record<string, (page: Buffer, other: Buffer) => Buffer>> = {
  "bytes without a meaning": (page) => page.fill(0xa5),
  zeros: (page) => page.fill(0),
  ones: (page) => page.fill(0xff),
  "what belongs to another page": (_page, other) => other,
  "its head, and then bytes without a meaning": (page) => page.fill(0xa5, 24),
};

describe("the list of free pages", () => {
  it("is whole in a file whose process was killed, also where it takes branches and long records", async () => {
    for (const [records, pages, least] of [
      [1, 1, 1],
      [3, 900, 2],
      [400, 900, 12],
    ] as const) {
      const path = await killed(records, pages);
      const list = await checkFreeList(join(path, "data.mdb"));
      expect(new Set(list).size).toBe(list.length);
      expect(list.length).toBeGreaterThanOrEqual(least);
      await using store = await createDiskLog({ path });
      expect((await store.list({ owner: "owner", limit: 2_000 })).logs).toHaveLength(records - 1 + pages);
    }
  });

  it("is whole where much was deleted at once", async () => {
    const path = await folder();
    const db = open<Buffer, number>({ path, noSync: true, encoding: "binary", keyEncoding: "ordered-binary" });
    const file = join(path, "data.mdb");
    for (const part of [0, 1]) {
      db.transactionSync(() => {
        for (let key = 0; key < 12_000; key += 1) db.putSync(key, Buffer.alloc(5_000, part));
      });
    }
    for (const step of [2, 3]) {
      db.transactionSync(() => {
        for (let key = 0; key < 12_000; key += step) db.removeSync(key);
      });
      expect((await checkFreeList(file)).length).toBeGreaterThan(10);
    }
    await db.close();
    expect((await checkFreeList(file)).length).toBeGreaterThan(10);
  });

  it.each(Object.entries(GARBAGE))("is reported when there is %s in any page of it", async (_name, spoil) => {
    const path = await killed(400, 900);
    const file = join(path, "data.mdb");
    const whole = await readFile(file);
    const list = await checkFreeList(file);
    for (const page of list) {
      const damaged = Buffer.from(whole);
      const bytes = damaged.subarray(page * PAGE, (page + 1) * PAGE);
      spoil(bytes, damaged.subarray((page - 1) * PAGE, page * PAGE)).copy(bytes);
      await writeFile(file, damaged);
      const found = await checkFreeList(file).then(
        () => "nothing",
        (error: unknown) => error,
      );
      expect({ page, found }).toMatchObject({ page, found: { code: "log/corrupt" } });
    }
  });

  it("is looked at before the file is opened", async () => {
    const path = await killed(3, 1);
    const file = join(path, "data.mdb");
    const [root = 0] = await checkFreeList(file);
    const bytes = await readFile(file);
    bytes.fill(0xa5, root * PAGE, (root + 1) * PAGE);
    await writeFile(file, bytes);
    await expect(createDiskLog({ path })).rejects.toMatchObject({ code: "log/corrupt" });
  });

  it("is not looked for where the file says that its pages have no size", async () => {
    const file = join(await killed(1, 1), "data.mdb");
    const bytes = await readFile(file);
    for (const page of [0, 1]) bytes.writeUInt32LE(0, page * PAGE + 48);
    await writeFile(file, bytes);
    await expect(checkFreeList(file)).rejects.toMatchObject({ code: "log/corrupt" });
  });

  it("is not judged in a file of another format, or that is not there", async () => {
    const file = join(await folder(), "data.mdb");
    expect(await checkFreeList(file)).toEqual([]);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(100), Buffer.alloc(3 * PAGE), Buffer.alloc(3 * PAGE, 0xa5)]) {
      await writeFile(file, bytes);
      expect(await checkFreeList(file)).toEqual([]);
    }
  });
});
