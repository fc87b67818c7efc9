import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Child
 * @property {(command: string, argument?: unknown) => Promise<any>} call
 * @property {() => Promise<void>} stop lets it exit by itself, so that a profile is written; killed after 10 s
 */

const bench = fileURLToPath(new URL("..", import.meta.url));
/** Of util-linux. */
const PIN = "taskset";
const CALL_MS = 60_000;
const STOP_MS = 10_000;

/**
 * A Node process of its own (no code of another contender has shaped its machine code), pinned to one core.
 *
 * @param {{ core: number, file: string, args?: readonly string[], nodeArgs?: readonly string[] }} options
 * @returns {Promise<Child>} once the process says that it is ready
 */
export async function startChild({ core, file, args = [], nodeArgs = [] }) {
  const place = String(core % availableParallelism());
  const pinned = ["-c", place, process.execPath, ...nodeArgs, file, ...args];
  const child = spawn(PIN, pinned, { cwd: bench, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  /** @type {Map<number, { resolve: (value: unknown) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let calls = 0;

  const answer = (/** @type {number} */ id) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(id, { error: `${file} ${args.join(" ")} did not answer` }), CALL_MS);
      const done = () => clearTimeout(timer);
      waiting.set(id, {
        resolve: (value) => (done(), resolve(value)),
        reject: (error) => (done(), reject(error)),
      });
    });
  const settle = (/** @type {number} */ id, /** @type {{ value?: unknown, error?: string }} */ { value, error }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  };
  child.on("message", (/** @type {any} */ message) => settle(message.id, message));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const onGone = (/** @type {unknown} */ why) => {
    for (const id of waiting.keys()) settle(id, { error: `${file} ${args.join(" ")} ended: ${String(why)}` });
  };
  child.once("exit", onGone);
  child.once("error", onGone);

  await answer(0);
  return {
    call(name, argument) {
      calls += 1;
      const result = answer(calls);
      child.send({ id: calls, command: name, argument });
      return result;
    },
    async stop() {
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      if (child.connected) child.disconnect();
      await exited;
      clearTimeout(timer);
    },
  };
}

/**
 * The child's side: says that it is ready, answers calls one by one, exits with its parent.
 *
 * @param {Record<string, (argument: any) => unknown>} commands
 */
export function answerCalls(commands) {
  const run = async (/** @type {any} */ { id, command, argument }) => {
    try {
      process.send?.({ id, value: await commands[command]?.(argument) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? String(error.stack) : String(error) });
    }
  };
  process.on("message", (message) => void run(message));
  process.once("disconnect", () => process.exit(0));
  process.send?.({ id: 0 });
}
