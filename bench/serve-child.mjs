// One server in a process of its own: `node serve-child.mjs <name>`, started by serve.mjs.
import { contenders } from "./contenders/serve.mjs";
import { getWith } from "./contenders/server.mjs";
import { answerCalls } from "./lib/child.mjs";
import { memoryOf } from "./lib/proc.mjs";

const contender = contenders[process.argv[2] ?? ""];
if (!contender) throw new Error(`There is no contender ${process.argv[2]}`);
const { port, ask = getWith, reset } = await contender.start();

let cpuBefore = process.cpuUsage();
const memoryBefore = memoryOf("VmRSS");

answerCalls({
  /** How the client gets the events of this query. */
  ask: async (/** @type {import("./contenders/source.mjs").Query} */ query) => ({ port, ...(await ask(query)) }),
  async begin() {
    await reset?.();
    cpuBefore = process.cpuUsage();
  },
  end() {
    const { user, system } = process.cpuUsage(cpuBefore);
    return { userMs: user / 1_000, systemMs: system / 1_000, peakMiB: memoryOf("VmHWM") - memoryBefore };
  },
});
