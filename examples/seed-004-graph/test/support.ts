import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));
const tsx = fileURLToPath(new URL("../../../node_modules/tsx/dist/loader.mjs", import.meta.url));

export interface App {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it printed so far. */
  readonly printed: readonly string[];
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** `npm start`, on the sources of the library, in a directory of its own when it is to read an `.env` there. */
export async function startApp(env: Readonly<Record<string, string>>, cwd: string = folder): Promise<App> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, ["-C", "@sluice/source", "--import", tsx, `${folder}src/main.ts`], {
    cwd,
    env: { PATH, HOME, TSX_TSCONFIG_PATH: `${folder}tsconfig.json`, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed: string[] = [];
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  void exited.then(() => process.removeListener("exit", end));
  const url = await new Promise<string>((resolve, reject) => {
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        printed.push(line);
        const [, found] = /Listening at (\S+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found.replace("[::1]", "127.0.0.1"));
      });
    }
    void exited.then((code) => reject(new Error(`It ended with ${code}:\n${printed.join("\n")}`)));
  });
  return {
    url,
    process: child,
    printed,
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
