import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { checkFreeList } from "./free-list.ts";
import { corrupt } from "./layout.ts";

/**
 * Reads the whole database in a process of its own: a file that is cut off or has garbage in it kills whoever maps it.
 * @throws SluiceError `log/corrupt`; what kept it from reading
 */
export async function inspect(path: string): Promise<void> {
  await checkFreeList(join(path, "data.mdb"));
  const lmdb = createRequire(import.meta.url).resolve("lmdb");
  const env = { ...process.env, NODE_OPTIONS: "" };
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, ["-e", PROGRAM, lmdb, path], { env }, (error) => {
      if (!error) resolve();
      else reject(typeof error.code === "number" || KILLED_BY_THE_FILE.has(error.signal) ? corrupt(error) : error);
    });
  });
}

// Not SIGKILL or SIGTERM: somebody, or a lack of memory, kept it from reading to the end.
const KILLED_BY_THE_FILE: ReadonlySet<unknown> = new Set(["SIGBUS", "SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL"]);

// Keys that do not rise are garbage too, and would otherwise be walked in a circle. A large value makes LMDB read its
// list of free pages, which no key leads to.
const PROGRAM = `
const { ABORT, open } = require(process.argv[1]);
const { crc32 } = require("node:zlib");
const db = open({ path: process.argv[2], noSubdir: false, noSync: true, keyEncoding: "binary", encoding: "binary" });
let previous = Buffer.alloc(0);
for (const { key, value } of db.getRange({})) {
  if (Buffer.compare(previous, key) >= 0) throw new Error("The keys are out of order.");
  if (key[0] === 0x62 && crc32(value.subarray(4)) !== value.readUInt32LE(0)) throw new Error("A block is damaged.");
  previous = key;
}
db.transactionSync(() => {
  db.put(Buffer.from("x"), Buffer.alloc(8 * 1024 * 1024));
  return ABORT;
});
`;
