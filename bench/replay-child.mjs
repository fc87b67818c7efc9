// One server with a run that is over, in a process of its own: `node replay-child.mjs <name> <directory> <events>`,
// started by replay.mjs.
import { contenders } from "./contenders/replay.mjs";
import { answerCalls } from "./lib/child.mjs";

const [name = "", place = "", n] = process.argv.slice(2);
const contender = contenders[name];
if (!contender) throw new Error(`There is no contender ${name}`);
const { port, path, logBytes } = await contender.start(place, Number(n));
let before = process.cpuUsage();

answerCalls({
  where: () => ({ ask: { port, method: "GET", path }, logBytes }),
  begin() {
    before = process.cpuUsage();
  },
  end() {
    const { user, system } = process.cpuUsage(before);
    return { cpuMs: (user + system) / 1_000 };
  },
});
