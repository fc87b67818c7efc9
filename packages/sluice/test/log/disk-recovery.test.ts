import { open as openFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { silent } from "../../src/base/log.ts";
import { createDiskLog } from "../../src/log/disk.ts";
import { openCheckpoint, restoreCheckpoint } from "../../src/log/disk/checkpoint.ts";
import { openDatabase, type Pin } from "../../src/log/disk/database.ts";
import { openParts, type Parts } from "../../src/log/disk/open.ts";
import type { LogStore } from "../../src/log/index.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { folder, hurried, killedCopy, readAll } from "./disk-support.ts";
import { commands, createModel, perform } from "./model.ts";

const MAKE = { owner: "owner", meta: {}, ttlMs: 3_600_000, lease: { holder: "a", ttlMs: 3_600_000 } };

async function fill(store: LogStore, id: string, count: number): Promise<void> {
  const { fence } = await store.create(id, MAKE);
  for (let last = 0; last < count; last += 1) {
    await store.append(id, [`${id} ${last + 1}`.padEnd(500, ".")], { expected: last, fence });
  }
}

describe("a disk log that was closed", () => {
  it("has everything when it is opened again, with the same rights and claims", async () => {
    const path = await folder();
    const clock = createManualClock();
    const claim = { key: "key", hash: "hash" };
    let states: readonly unknown[] = [];
    {
      await using store = await createDiskLog({ path, clock });
      const { fence } = await store.create("open", { ...MAKE, claim, limits: { maxBytes: 1_000, maxEntries: 5 } });
      await store.append("open", ["a", "é"], { expected: 0, fence });
      await store.create("short", { ...MAKE, keepLast: 2 });
      await store.append("short", ["a", "b", "c"], { expected: 0, fence });
      await store.create("closed", MAKE);
      await store.close("closed", ["t"], { expected: 0, fence, summary: { usage: 3 } });
      await store.requestStop("open");
      states = (await store.list({ owner: "owner", limit: 10 })).logs;
    }
    await using store = await createDiskLog({ path, clock });
    expect((await store.list({ owner: "owner", limit: 10 })).logs).toEqual(states);
    expect((await store.create("other", { ...MAKE, claim })).state.id).toBe("open");
    expect(await store.append("open", ["a", "é"], { expected: 0, fence: 1 })).toEqual({ last: 2 });
    await expect(store.append("open", ["x"], { expected: 2, fence: 2 })).rejects.toMatchObject({ code: "log/fenced" });
    await expect(store.append("open", ["1", "2", "3", "4"], { expected: 2, fence: 1 })).rejects.toMatchObject({
      code: "log/max-entries",
    });
    expect((await store.read("short", { after: 1 })).entries).toEqual(["b", "c"]);
    await expect(store.read("short", { after: 0 })).rejects.toMatchObject({ code: "log/gap" });
    await expect(store.close("closed", ["u"], { expected: 1, fence: 1 })).rejects.toMatchObject({ code: "log/closed" });
    await clock.advance(3_600_001);
    expect(await store.lapsed(10)).toEqual(["open", "short"]);
  });
});

describe("a disk log whose process was killed", () => {
  it.each(["process", "disk"] as const)(
    "answers as if nothing had happened: %s",
    { timeout: 60_000 },
    async (durability) => {
      await fc.assert(
        fc.asyncProperty(commands, fc.nat(), async (list, when) => {
          const clock = createManualClock();
          const model = createModel();
          let path = await folder();
          const options = { clock: hurried(clock), durability };
          let store = await createDiskLog({ path, ...options });
          for (const [index, drawn] of list.entries()) {
            if (index === when % list.length) {
              const left = store;
              path = await killedCopy(path);
              store = await createDiskLog({ path, ...options });
              await left[Symbol.asyncDispose]();
            }
            const command = model.aim(drawn);
            const answer = await perform(store, clock, command);
            expect({ command, answer }).toEqual({ command, answer: model.answer(command) });
          }
          await store[Symbol.asyncDispose]();
        }),
        { numRuns: 20 },
      );
    },
  );

  it.each(["process", "disk"] as const)("has what was in the journal and what was moved on: %s", async (durability) => {
    const path = await folder();
    const clock = createManualClock();
    await using store = await createDiskLog({ path, clock, durability });
    const { fence } = await store.create("a", MAKE);
    const expected: string[] = [];
    for (let step = 0; step < 12; step += 1) {
      const entries = [`${step}`, `${step}é`];
      await store.append("a", entries, { expected: expected.length, fence });
      expected.push(...entries);
      await using copy = await createDiskLog({ path: await killedCopy(path), clock, durability });
      expect(await readAll(copy, "a")).toEqual(expected);
      await clock.advance(step % 3 === 2 ? 1_000 : 300);
    }
  });
});

describe("a disk log whose machine has lost its time", () => {
  // A machine without a clock of its own starts an hour back: the answers of the process that had died with it were told
  // to be running for that hour.
  it("knows after one lease who does not produce any more", async () => {
    const path = await folder();
    const before = createManualClock(10_000_000);
    await using store = await createDiskLog({ path, clock: before });
    for (const [id, ttlMs] of [
      ["a", 7_000],
      ["b", 3_600_000],
      ["c", Number.POSITIVE_INFINITY],
    ] as const) {
      await store.create(id, { ...MAKE, lease: { holder: "old", ttlMs } });
      await store.append(id, ["1"], { expected: 0, fence: 1 });
    }
    const clock = createManualClock(6_400_000);
    await using found = await createDiskLog({ path: await killedCopy(path), clock });
    await clock.advance(6_999);
    expect(await found.lapsed(10)).toEqual([]);
    await expect(found.lease("a", { holder: "new", ttlMs: 1 })).rejects.toMatchObject({ code: "log/lease-held" });
    await clock.advance(1);
    expect(await found.lapsed(10)).toEqual(["a"]);
    expect(await found.lease("a", { holder: "new", ttlMs: 7_000 })).toEqual({ fence: 2, expiresAt: 6_414_000 });
    expect(await found.append("a", ["2"], { expected: 1, fence: 2 })).toEqual({ last: 2 });
    await clock.advance(3_593_000);
    expect(await found.lapsed(10)).toEqual(["a", "b"]);
  });
});

describe("a disk log whose machine crashed", () => {
  // What the disk has of a file that was not flushed: any of its pages, old or new.
  const torn = (before: Buffer, after: Buffer, choose: (page: number) => boolean): Buffer => {
    const file = Buffer.from(after);
    for (let start = 0; start < after.length; start += 4096) {
      if (!choose(start / 4096)) continue;
      const old = before.subarray(start, start + 4096);
      file.fill(0, start, Math.min(start + 4096, after.length));
      old.copy(file, start);
    }
    return file;
  };

  const write = (parts: Parts, name: string): void => {
    parts.db.transact(() => {
      for (let log = 0; log < 20; log += 1) {
        const id = `${name} ${log}`;
        parts.logs.create(id, MAKE);
        parts.logs.append(id, ["a".repeat(300), "b".repeat(9_000)], { expected: 0, fence: 1 });
        parts.logs.close(id, ["t"], { expected: 2, fence: 1 });
      }
      for (const old of parts.logs.list({ owner: "owner", limit: 15 }).logs) parts.logs.delete(old.id);
    });
    parts.logs.heads.settle();
  };

  it("is again what it was at the last checkpoint, whatever became of later pages", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.boolean()), async (stream) => {
        const path = await folder();
        const settings = { durability: "process", clock: systemClock, log: silent } as const;
        const parts = await openParts(path, settings);
        write(parts, "early");
        write(parts, "first");
        await parts.checkpoint.save();
        const states = parts.logs.list({ owner: "owner", limit: 100 });
        const before = await readFile(join(path, "data.mdb"));
        for (const name of ["lost", "lost too", "lost as well"]) write(parts, name);
        const copy = await killedCopy(path);
        await parts.checkpoint.finish();
        parts.journal.close();
        await parts.db.close();
        await parts.ownership.release();

        const after = await readFile(join(copy, "data.mdb"));
        await writeFile(
          join(copy, "data.mdb"),
          torn(before, after, () => stream.next().value === true),
        );
        expect(await restoreCheckpoint(copy, "another start of the machine")).toBe("unclean");
        await using store = await createDiskLog({ path: copy });
        expect(await store.list({ owner: "owner", limit: 100 })).toEqual(states);
        for (const { id } of states.logs) expect((await readAll(store, id)).length).toBe(3);
        for (let log = 0; log < 30; log += 1) await fill(store, `later ${log}`, 3);
        for (const { id } of states.logs) expect((await readAll(store, id)).length).toBe(3);
      }),
      { numRuns: 15 },
    );
  });

  // A checkpoint that a full or failing disk had kept from being written let the next one go over the only slot that was
  // whole: a machine that lost its power in that moment had no checkpoint left, and its directory was refused.
  it("keeps the checkpoint that is whole when the next one fails, until there is another", async () => {
    const path = await folder();
    const db = openDatabase(path);
    let failing = false;
    const pin = (): Pin => {
      const { metas, release } = db.pin();
      return {
        release,
        get metas() {
          if (failing) throw new Error("no space left on device");
          return metas;
        },
      };
    };
    const checkpoint = await openCheckpoint({ ...db, pin }, path, { boot: "this start", strict: false });
    const counters = async (): Promise<readonly number[]> => {
      const file = await readFile(join(path, "checkpoint"));
      return [file.readDoubleLE(8), file.readDoubleLE(256 * 1024 + 8)];
    };
    await checkpoint.save();
    await checkpoint.save();
    expect(await counters()).toEqual([2, 1]);
    failing = true;
    await expect(checkpoint.save()).rejects.toThrow("no space left");
    failing = false;
    await checkpoint.save();
    expect(await counters()).toEqual([2, 3]);
    await checkpoint.finish();
    await db.close();
  });

  it("with durability disk has all that was acknowledged", async () => {
    const path = await folder();
    await using store = await createDiskLog({ path, durability: "disk" });
    await fill(store, "a", 10);
    const copy = await killedCopy(path);
    expect(await restoreCheckpoint(copy, "another start of the machine")).toBe("unclean");
    await using found = await createDiskLog({ path: copy, durability: "disk" });
    expect(await readAll(found, "a")).toEqual(await readAll(store, "a"));
  });
});

describe("a damaged file", () => {
  const damage: Readonly<Record<string, (file: string, size: number) => Promise<void>>> = {
    "cut off": (file, size) => truncate(file, Math.floor(size / 2 / 4096) * 4096),
    "cut off to nothing but its beginning": (file) => truncate(file, 2 * 4096),
    "with garbage in its pages": (file, size) => overwrite(file, 2 * 4096, Buffer.alloc(size - 2 * 4096, 0xa5)),
    "with zeros in its pages": (file, size) => overwrite(file, 2 * 4096, Buffer.alloc(size - 2 * 4096)),
    "with garbage from the start": (file, size) => overwrite(file, 0, Buffer.alloc(size, 0x5a)),
  };

  it.each(Object.entries(damage))("%s is reported, and kills another process than this", async (_name, spoil) => {
    const path = await folder();
    const clock = createManualClock();
    await using store = await createDiskLog({ path, clock });
    for (let log = 0; log < 8; log += 1) await fill(store, `log ${log}`, 40);
    await clock.advance(1_000);
    await store.state("log 1");
    const copy = await killedCopy(path);
    const file = join(copy, "data.mdb");
    await spoil(file, (await readFile(file)).length);
    await expect(createDiskLog({ path: copy })).rejects.toMatchObject({ code: "log/corrupt" });
    // And again: nothing was made whole that is not.
    await expect(createDiskLog({ path: copy })).rejects.toMatchObject({ code: "log/corrupt" });
  });

  it("is reported for garbage in any single page, unless nothing is in it", { timeout: 60_000 }, async () => {
    const path = await folder();
    const clock = createManualClock();
    await using store = await createDiskLog({ path, clock });
    for (let log = 0; log < 4; log += 1) {
      await fill(store, `log ${log}`, 12);
      await store.close(`log ${log}`, ["t"], { expected: 12, fence: 1 });
    }
    const expected = await store.list({ owner: "owner", limit: 10 });
    const copy = await killedCopy(path);
    const whole = await readFile(join(copy, "data.mdb"));
    let reported = 0;
    for (let page = 2; page < whole.length / 4096; page += 1) {
      const damaged = await killedCopy(copy);
      await overwrite(join(damaged, "data.mdb"), page * 4096, Buffer.alloc(4096, 0xa5));
      try {
        await using found = await createDiskLog({ path: damaged, clock });
        expect(await found.list({ owner: "owner", limit: 10 })).toEqual(expected);
        for (const { id } of expected.logs) expect(await readAll(found, id)).toEqual(await readAll(store, id));
        await fill(found, "another", 20);
      } catch (error) {
        expect(error).toMatchObject({ code: "log/corrupt" });
        reported += 1;
      }
    }
    expect(reported).toBeGreaterThan(5);
  });

  it("is not suspected after a clean end", async () => {
    const path = await folder();
    const lines: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      await using _store = await createDiskLog({ path, log: (_level, message) => lines.push(message) });
    }
    expect(lines).toEqual([]);
  });
});

describe("a directory that is open", () => {
  it("is refused to a second store in this process, and given when the first is closed", async () => {
    const path = await folder();
    const first = await createDiskLog({ path });
    await fill(first, "a", 3);
    await expect(createDiskLog({ path })).rejects.toMatchObject({ code: "log/locked", details: { path } });
    await fill(first, "b", 3);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await using second = await createDiskLog({ path });
    expect((await second.list({ owner: "owner", limit: 10 })).logs.map(({ id }) => id)).toEqual(["b", "a"]);
  });
});

async function overwrite(file: string, at: number, bytes: Buffer): Promise<void> {
  const handle = await openFile(file, "r+");
  await handle.write(bytes, 0, bytes.length, at);
  await handle.close();
}
