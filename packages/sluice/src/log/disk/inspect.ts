import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { corrupt } from "./layout.ts";

/**
 * Reads the whole database in a process of its own: a file that is cut off or has garbage in it kills whoever maps it.
 * @throws SluiceError `log/corrupt`
 */
export async function inspect(path: string): Promise<void> {
  const lmdb = createRequire(import.meta.url).resolve("lmdb");
  const env = { ...process.env, NODE_OPTIONS: "" };
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, ["-e", PROGRAM, lmdb, path], { env }, (error) => {
      if (error) reject(corrupt(error));
      else resolve();
    });
  });
}

// Keys that do not rise are garbage too, and would otherwise be walked in a circle.
const PROGRAM = `
const { open } = require(process.argv[1]);
const db = open({ path: process.argv[2], noSubdir: false, readOnly: true, keyEncoding: "binary", encoding: "binary" });
let previous = Buffer.alloc(0);
for (const { key, value } of db.getRange({})) {
  if (Buffer.compare(previous, key) >= 0 || !value) throw new Error("The keys are out of order.");
  previous = key;
}
`;
