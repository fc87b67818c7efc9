import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";

/** A gateway in a process of its own, in a folder of its own or a given one. */
export interface Gateway {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  signal(signal: NodeJS.Signals): void;
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Resolves when something printed matches, with the first group or all. Rejects when the process ends without. */
  printed(pattern: RegExp): Promise<string>;
  output(): string;
  /** An exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export type Env = Readonly<Record<string, string>>;

export const LEASE_MS = 1_000;
export const KEY = "key-of-alice";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const children = new Set<ChildProcess>();
const folders: string[] = [];
let program = "";

/**
 * Makes the gateway one file, from the sources: that starts in half the time of the built one, and no build that runs
 * beside the tests takes it away. Its native and its CommonJS packages stay outside.
 */
export function withGateways(): void {
  beforeAll(async () => {
    const parent = join(ROOT, "node_modules/.sluice");
    mkdirSync(parent, { recursive: true });
    const apps = mkdtempSync(join(parent, "apps-"));
    folders.push(apps);
    const outdir = join(apps, "gateway/dist");
    program = join(outdir, "cli.mjs");
    // The gateway serves the studio that was built beside it.
    symlinkSync(join(ROOT, "apps/studio"), join(apps, "studio"));
    await build({
      absWorkingDir: ROOT,
      entryPoints: ["apps/gateway/src/cli.ts"],
      bundle: true,
      splitting: true,
      platform: "node",
      format: "esm",
      target: "node20",
      mainFields: ["module", "main"],
      conditions: ["@sluice/source"],
      external: ["lmdb", "pino", "cors", "ioredis", "prom-client", "rate-limiter-flexible", "ws"],
      outdir,
      outExtension: { ".js": ".mjs" },
      logLevel: "silent",
    });
  });
  afterAll(async () => {
    await Promise.all(Array.from(children, (child) => end(child)));
    for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
  });
  process.once("exit", () => children.forEach((child) => child.kill("SIGKILL")));
}

/** A folder that goes with the test file. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-crash-"));
  folders.push(path);
  return path;
}

/** Resolves when it serves. With `SLUICE_API_KEYS` unset there is one key, `KEY`. */
export async function startGateway(env: Env, cwd: string = folder()): Promise<Gateway> {
  const gateway = spawnGateway(env, cwd);
  const url = await gateway.printed(/^Sluice is at (http:\/\/\S+)$/m);
  return { ...gateway, url, port: Number(new URL(url).port) };
}

function spawnGateway(env: Env, cwd: string): Omit<Gateway, "url" | "port"> {
  const child = spawn(process.execPath, [program], {
    cwd,
    env: {
      PATH: process.env["PATH"] ?? "",
      PORT: "0",
      SLUICE_LEASE_MS: String(LEASE_MS),
      SLUICE_API_KEYS: `alice:${KEY}`,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let output = "";
  let closed = false;
  const waiting = new Set<() => void>();
  const look = (): void => waiting.forEach((check) => check());
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => ((output += text), look()));
  }
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    // When all that it printed has been read.
    child.once("close", (code, signal) => {
      children.delete(child);
      closed = true;
      look();
      resolve(code ?? signal);
    });
  });
  return {
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
    kill: () => end(child),
    output: () => output,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(output);
          if (!match && !closed) return;
          waiting.delete(check);
          if (match) resolve(match[1] ?? match[0]);
          else reject(new Error(`The gateway ended and never printed ${String(pattern)}:\n${output}`));
        };
        waiting.add(check);
        check();
      }),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}
