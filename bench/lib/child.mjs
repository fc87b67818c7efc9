import { execFileSync, spawn } from "node:child_process";
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
/** Tells children how many cores there are: a process that is pinned sees one. */
const CORES = "BENCH_CORES";
const CALL_MS = 60_000;
const STOP_MS = 10_000;

/**
 * @typedef {object} Start
 * @property {number} core
 * @property {string} file
 * @property {readonly string[]} [args]
 * @property {readonly string[]} [nodeArgs]
 * @property {number} [callMs] how long a call may take
 * @property {boolean} [silent] what it prints is thrown away
 */

/**
 * A Node process of its own (no code of another contender has shaped its machine code), pinned to one core.
 *
 * @param {Start} options
 * @returns {Promise<Child>} once the process says that it is ready
 */
export async function startChild({ core, file, args = [], nodeArgs = [], callMs = CALL_MS, silent = false }) {
  const pinned = ["-c", placeOf(core), process.execPath, ...nodeArgs, file, ...args];
  const env = { ...process.env, [CORES]: String(cores()) };
  const output = silent ? "ignore" : "inherit";
  const child = spawn(PIN, pinned, { cwd: bench, env, stdio: ["ignore", output, output, "ipc"] });
  /** @type {Map<number, { resolve: (value: unknown) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let calls = 0;

  const answer = (/** @type {number} */ id) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(id, { error: `${file} ${args.join(" ")} did not answer` }), callMs);
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
 * Pins a process that runs already, with all its threads.
 *
 * @param {number} pid
 * @param {number} core
 */
export function pin(pid, core) {
  execFileSync(PIN, ["-a", "-c", "-p", placeOf(core), String(pid)], { stdio: "ignore" });
}

/** @param {number} core */
function placeOf(core) {
  return String(core % cores());
}

function cores() {
  return Number(process.env[CORES]) || availableParallelism();
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
