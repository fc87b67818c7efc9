import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDiskLog } from "../../src/log/disk.ts";
import { folder, readAll, startProgram, type Program } from "./disk-support.ts";

interface Acknowledged {
  last: number;
  closed: boolean;
}

/** Reads what the program says until it has said this much, or ends. */
async function listen(program: Program, count: number, logs: Map<string, Acknowledged>): Promise<string | undefined> {
  for (let heard = 0; heard < count; heard += 1) {
    const line = await program.line();
    if (line === undefined) return undefined;
    const [what, log = "", last] = line.split(" ");
    if (what === "failed") return log;
    if (what === "created" || what === "appended" || what === "closed") {
      logs.set(log, { last: Number(last ?? 0), closed: what === "closed" });
    }
  }
  return undefined;
}

async function expectAll(path: string, logs: ReadonlyMap<string, Acknowledged>): Promise<void> {
  await using store = await createDiskLog({ path });
  for (const [id, { last, closed }] of logs) {
    const state = await store.state(id);
    expect([id, (state?.last ?? -1) >= last]).toEqual([id, true]);
    if (closed) expect(state?.summary).toEqual({ log: id });
    const entries = await readAll(store, id);
    expect(entries.map((entry) => entry.trimEnd().replace(/x+$/, "").trimEnd())).toEqual(
      Array.from({ length: state?.last ?? 0 }, (_, index) => `${id} ${index + 1}`),
    );
    expect((await store.find("owner", id))?.id).toBe(id);
  }
}

describe("a process that is killed", () => {
  it("loses nothing that it has acknowledged, in any of 24 rounds on one directory", { timeout: 240_000 }, async () => {
    const path = await folder();
    const logs = new Map<string, Acknowledged>();
    for (let round = 0; round < 24; round += 1) {
      const program = startProgram(["produce", path, round % 3 === 0 ? "disk" : "process", `round${round}`]);
      await listen(program, 2 + ((round * 97) % 450), logs);
      program.kill();
      await listen(program, Number.POSITIVE_INFINITY, logs);
      if (round % 4 === 3) await expectAll(path, logs);
    }
    expect(logs.size).toBeGreaterThan(100);
  });

  it("leaves the directory to the next one, and keeps others out until then", async () => {
    const path = await folder();
    const program = startProgram(["hold", path]);
    expect(await program.line()).toBe("open");
    await expect(createDiskLog({ path })).rejects.toMatchObject({
      code: "log/locked",
      message: `Process ${program.pid} has the directory of the log open.`,
    });
    expect(await startProgram(["hold", path]).line()).toBe("failed log/locked");
    program.kill();
    await program.ended;
    await using store = await createDiskLog({ path });
    expect(await store.state("any")).toBeUndefined();
  });
});

describe("a directory that cannot be written", () => {
  it("is refused", async () => {
    const path = await folder();
    await chmod(path, 0o555);
    // Nobody else than root may write everywhere.
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    expect(await startProgram(["hold", path], uid).line()).toBe("failed log/unavailable");
  });

  it("is refused when it is a file, or lies in one", async () => {
    const file = join(await folder(), "file");
    await writeFile(file, "");
    for (const path of [file, join(file, "store")]) {
      await expect(createDiskLog({ path })).rejects.toMatchObject({
        code: "log/unavailable",
        message: "The directory of the log cannot be written.",
      });
    }
  });
});

describe("a full disk", () => {
  it.each(["process", "disk"])(
    "fails what does not fit with a code, and takes nothing back: %s",
    async (durability) => {
      const path = await folder();
      const logs = new Map<string, Acknowledged>();
      const program = startProgram(["fill", path, durability, "full"], { fileKilobytes: 4_096 });
      expect(await listen(program, Number.POSITIVE_INFINITY, logs)).toBe("log/unavailable");
      await program.ended;
      expect(logs.size).toBeGreaterThan(1);
      await expectAll(path, logs);
    },
  );
});
