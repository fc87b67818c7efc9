import { createDiskLog, type DiskLogOptions } from "../../src/log/disk.ts";
import { isSluiceError } from "../../src/base/errors.ts";

// A process that opens a disk log, for tests that kill it: disk-program.ts <what> <path> [durability] [name].
const [, , what, path = "", durability = "process", name = ""] = process.argv;
// Without this, a file that grows beyond `ulimit -f` ends the process instead of failing the write.
process.on("SIGXFSZ", () => {});

try {
  await main();
} catch (error) {
  if (!isSluiceError(error)) throw error;
  console.log(`failed ${error.code}`);
  process.exit(0);
}

async function main(): Promise<void> {
  const options: DiskLogOptions = { path, durability: durability === "disk" ? "disk" : "process" };
  const store = await createDiskLog(options);
  console.log("open");
  if (what === "hold") {
    setInterval(() => {}, 60_000);
    return;
  }
  const runs = what === "fill" ? 1 : 5;
  await Promise.all(Array.from({ length: runs }, (_, run) => produce(`${name}-${run}`, what === "fill" ? 20_000 : 20)));

  // Run after run, until it is killed or something fails. Prints what was acknowledged.
  async function produce(id: string, length: number): Promise<void> {
    for (let turn = 0; ; turn += 1) {
      const log = `${id}-${turn}`;
      const { fence } = await store.create(log, {
        owner: "owner",
        meta: {},
        ttlMs: 3_600_000,
        lease: { holder: "program", ttlMs: 3_600_000 },
        claim: { key: log, hash: "" },
      });
      console.log(`created ${log}`);
      for (let last = 0; last < 40; last += 2) {
        const entries = [entry(log, last + 1, length), entry(log, last + 2, length)];
        await store.append(log, entries, { expected: last, fence });
        console.log(`appended ${log} ${last + 2}`);
      }
      await store.close(log, [entry(log, 41, length)], { expected: 40, fence, summary: { log } });
      console.log(`closed ${log} 41`);
    }
  }
}

function entry(log: string, sequence: number, length: number): string {
  return `${log} ${sequence} `.padEnd(length, "x");
}
