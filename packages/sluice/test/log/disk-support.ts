import { spawn, type ChildProcess } from "node:child_process";
import { cpSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import type { LogStore } from "../../src/log/index.ts";

const folders: string[] = [];
const children: { readonly child: ChildProcess; readonly gone: Promise<void> }[] = [];
afterAll(async () => {
  for (const { child } of children) child.kill("SIGKILL");
  await Promise.all(children.map(({ gone }) => gone)); // or they would write into what is removed
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "sluice-disk-"));
  folders.push(made);
  return made;
}

/** The directory as a process would leave it that is killed now. */
export async function killedCopy(path: string): Promise<string> {
  const copy = await folder();
  cpSync(path, copy, { recursive: true }); // at one moment: nothing else runs
  return copy;
}

/** The same time, but timers fire 200 times as soon: steps in the background come between any two commands. */
export function hurried(clock: Clock): Clock {
  return { now: () => clock.now(), timer: (ms, run) => clock.timer(ms / 200, run) };
}

/** Every entry of a log. */
export async function readAll(store: LogStore, id: string): Promise<readonly string[]> {
  const last = (await store.state(id))?.last ?? 0;
  const entries: string[] = [];
  while (entries.length < last) entries.push(...(await store.read(id, { after: entries.length })).entries);
  return entries;
}

export interface Program {
  readonly pid: number;
  /** The next line that it prints; `undefined` when it has ended. */
  line(): Promise<string | undefined>;
  kill(): void;
  /** When it has ended and all that it printed can be read. */
  readonly ended: Promise<void>;
}

export interface ProgramOptions {
  /** Beside this file. Default `disk-program.ts`. */
  readonly program?: string;
  /** Of node itself. */
  readonly flags?: readonly string[];
  readonly uid?: number;
  /** For `ulimit -f`: no file may become larger than this. */
  readonly fileKilobytes?: number;
}

/** Runs a program in a process of its own. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const { uid, fileKilobytes, program = "disk-program.ts", flags = [] } = options;
  const file = fileURLToPath(new URL(program, import.meta.url));
  const node = [process.execPath, ...flags, "--import", import.meta.resolve("tsx"), file, ...args];
  const limited = ["bash", "-c", `ulimit -f ${fileKilobytes}; exec "$@"`, "bash", ...node];
  const [command = "", ...rest] = fileKilobytes === undefined ? node : limited;
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const lines: string[] = [];
  let unfinished = "";
  let over = false;
  let wake = (): void => {};
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (unfinished + text).split("\n");
    unfinished = parts.pop() ?? "";
    lines.push(...parts);
    wake();
  });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => {
      over = true;
      wake();
      resolve();
    });
  });
  children.push({ child, gone: ended });
  return {
    pid: child.pid ?? 0,
    ended,
    kill: () => void child.kill("SIGKILL"),
    async line() {
      while (lines.length === 0 && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return lines.shift();
    },
  };
}
