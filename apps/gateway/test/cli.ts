import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import type { Env, Line } from "./support.ts";

/** The program as `npm start` runs it, from the sources. */
export interface Cli {
  readonly pid: number;
  /** Everything printed so far. */
  stdout(): string;
  stderr(): string;
  /** The lines of JSON among what was printed. */
  log(): readonly Line[];
  /** Resolves when something printed matches: with the first group, or all. */
  printed(pattern: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, when it has: an exit code or a signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

const children: { readonly child: ChildProcess; readonly gone: Promise<unknown>; readonly directory: string }[] = [];
afterEach(async () => {
  for (const { child, gone, directory } of children.splice(0)) {
    child.kill("SIGKILL");
    await gone; // or it would write into what is removed
    rmSync(directory, { recursive: true });
  }
});

/** In a directory of its own, with nothing in its environment but `env`; `file` becomes its `.env`. */
export function startCli(env: Env = {}, { file }: { readonly file?: string } = {}): Cli {
  const directory = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  if (file !== undefined) writeFileSync(join(directory, ".env"), file);
  const child = spawn(process.execPath, ["--import", TSX, "--conditions=@sluice/source", CLI], {
    cwd: directory,
    env: { PATH: process.env["PATH"] ?? "", PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  let closed = false;
  const waiting = new Set<() => void>();
  const look = (): void => waiting.forEach((check) => check());
  child.stdout.setEncoding("utf8").on("data", (text: string) => ((out += text), look()));
  child.stderr.setEncoding("utf8").on("data", (text: string) => ((err += text), look()));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    // When all that it printed has been read.
    child.once("close", (code, signal) => {
      closed = true;
      look();
      resolve(code ?? signal);
    });
  });
  children.push({ child, gone: ended, directory });
  return {
    pid: child.pid ?? 0,
    stdout: () => out,
    stderr: () => err,
    log: () =>
      out
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Line),
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(out) ?? pattern.exec(err);
          if (!match && !closed) return;
          waiting.delete(check);
          if (match) resolve(match[1] ?? match[0]);
          else reject(new Error(`The program ended and never printed ${String(pattern)}:\n${out}${err}`));
        };
        waiting.add(check);
        check();
      }),
    kill: (signal) => void child.kill(signal),
    ended,
  };
}

/** Its address, once it is there. */
export const urlOf = (cli: Cli): Promise<string> => cli.printed(/^Sluice is at (http:\/\/\S+)$/m);
