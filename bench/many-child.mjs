// One server with thousands of live answers, in a process of its own: `node --expose-gc many-child.mjs <name> <ms>`,
// started by many.mjs.
import { performance } from "node:perf_hooks";
import { contenders } from "./contenders/many.mjs";
import { answerCalls } from "./lib/child.mjs";
import { memoryOf } from "./lib/proc.mjs";

const [name = "", everyMs] = process.argv.slice(2);
const contender = contenders[name];
if (!contender) throw new Error(`There is no contender ${name}`);
const { port, open, begin, over } = await contender.start(Number(everyMs));
let cpuBefore = process.cpuUsage();
let loadBefore = performance.eventLoopUtilization();

answerCalls({
  async open(/** @type {number} */ runs) {
    globalThis.gc?.();
    const emptyMiB = memoryOf("VmRSS");
    return { port, paths: await open(runs), emptyMiB };
  },
  /** Begins, and returns at once. */
  begin(/** @type {number} */ tokens) {
    cpuBefore = process.cpuUsage();
    loadBefore = performance.eventLoopUtilization();
    begin(tokens);
  },
  /** While all of them still live. */
  status() {
    const { user, system } = process.cpuUsage(cpuBefore);
    const { utilization } = performance.eventLoopUtilization(loadBefore);
    return { cpuMs: (user + system) / 1_000, load: utilization, rssMiB: memoryOf("VmRSS") };
  },
  over,
});
