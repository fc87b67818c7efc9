// Runs every bench, one after the other, and writes the tables into README.md: `node bench/report.mjs`.
// `--only=append` measures and writes one anew, `--run=false` writes what was measured last. `--quick` only proves that
// everything runs: it writes nothing.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { short } from "./lib/numbers.mjs";
import { readOptions, select } from "./lib/options.mjs";
import { circumstances, nameOf, times } from "./lib/report.mjs";
import {
  compressSection,
  fanoutSection,
  idleSection,
  lateSection,
  manySection,
  soakSection,
  stalledSection,
} from "./lib/report-delivery.mjs";
import { agentsSection, flowSection } from "./lib/report-flow.mjs";
import { serveSection } from "./lib/report-serve.mjs";
import { appendSection, memorySection, replaySection, tailSection } from "./lib/report-stores.mjs";
import { targetsSection } from "./lib/report-targets.mjs";
import { loadResult } from "./lib/results.mjs";
import { markdownTable } from "./lib/table.mjs";

const options = readOptions({ run: true, quick: false, only: "" });
const readme = new URL("README.md", import.meta.url);

const benches = [
  { file: "encode.mjs", args: [], quick: ["--rounds=1", "--ms=20", "--warmMs=20"] },
  { file: "serve.mjs", args: ["--mode=burst", "--data=text"], quick: ["--rounds=1", "--n=5000"] },
  { file: "serve.mjs", args: ["--mode=burst", "--data=json"], quick: ["--rounds=1", "--n=5000"] },
  { file: "serve.mjs", args: ["--mode=tick", "--data=text"], quick: ["--rounds=1", "--n=2000"] },
  { file: "serve.mjs", args: ["--mode=rate", "--data=text"], quick: ["--rounds=1", "--n=20", "--conns=50"] },
  { file: "serve.mjs", args: ["--mode=burst", "--data=long"], quick: ["--rounds=1", "--n=500"] },
  { file: "fanout.mjs", args: [], quick: ["--rounds=1", "--readers=20", "--n=20", "--singles=2"] },
  { file: "idle.mjs", args: [], quick: ["--rounds=1", "--conns=200", "--warm=50"] },
  { file: "stalled.mjs", args: [], quick: ["--mb=3", "--readers=4"] },
  { file: "late.mjs", args: [], quick: ["--rounds=1", "--n=500"] },
  { file: "many.mjs", args: [], quick: ["--runs=50", "--seconds=1"] },
  { file: "compress.mjs", args: [], quick: ["--rounds=1", "--ms=10", "--warmMs=10"] },
  { file: "append.mjs", args: [], quick: ["--rounds=1", "--ms=50"] },
  { file: "tail.mjs", args: [], quick: ["--rounds=1", "--n=20"] },
  { file: "replay.mjs", args: ["--data=text"], quick: ["--rounds=1", "--n=5000"] },
  { file: "replay.mjs", args: ["--data=json"], quick: ["--rounds=1", "--n=5000"] },
  { file: "memory.mjs", args: [], quick: ["--runs=200"] },
  { file: "flow.mjs", args: [], quick: ["--rounds=1", "--ms=20", "--warmMs=20"] },
  { file: "agents.mjs", args: [], quick: ["--rounds=1", "--ms=20", "--warmMs=20"] },
];

/**
 * In the order of the page; a section begins with its name. One that has nothing to say leaves the page as it is.
 *
 * @type {Record<string, () => string | undefined>}
 */
const sections = {
  targets: targetsSection,
  encode: encodeSection,
  serve: serveSection,
  fanout: fanoutSection,
  idle: idleSection,
  stalled: stalledSection,
  late: lateSection,
  many: manySection,
  compress: compressSection,
  soak: soakSection,
  append: appendSection,
  tail: tailSection,
  replay: replaySection,
  memory: memorySection,
  flow: flowSection,
  agents: agentsSection,
};

const asked = select(Object.keys(sections), options.only);
if (options.run) for (const bench of benches) if (asked.includes(bench.file.replace(".mjs", ""))) run(bench);
if (!options.quick) writeSections();

/** @param {{ file: string, args: readonly string[], quick: readonly string[] }} bench */
function run({ file, args, quick }) {
  const command = [fileURLToPath(new URL(file, import.meta.url)), ...args, ...(options.quick ? quick : ["--save"])];
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

function encodeSection() {
  /** @type {{ reference: string, jobs: string[], result: Record<string, Record<string, { ns?: number, fault?: string }>> }} */
  const { reference, jobs, result, ...saved } = loadResult("encode");
  const base = result[reference] ?? {};
  const rows = Object.entries(result).map(([name, row]) => [
    nameOf(name),
    ...jobs.map((job) => {
      const { ns, fault = "-" } = row[job] ?? {};
      return ns === undefined ? fault : `${short(ns)} (${times(base[job]?.ns, ns)})`;
    }),
  ]);
  return [
    "### encode: nanoseconds per event (speed, `raw: concat + Buffer.from` = 1)",
    circumstances(saved),
    markdownTable(["contender", ...jobs], rows),
  ].join("\n\n");
}

/** Those that were not asked for stay as they are on the page. */
function writeSections() {
  const page = readFileSync(readme, "utf8");
  const between = /(?<=<!-- results -->\n)[^]*(?=<!-- end of results -->)/;
  const [old] = between.exec(page) ?? [];
  if (old === undefined) throw new Error("README.md has lost its markers.");
  const kept = old.split(/^(?=### )/m).map((text) => text.trim());
  const written = Object.entries(sections).flatMap(([name, write]) => {
    const section = asked.includes(name) ? write() : undefined;
    return section ?? kept.find((text) => text.startsWith(`### ${name}:`)) ?? [];
  });
  writeFileSync(
    readme,
    page.replace(between, () => `\n${written.join("\n\n")}\n\n`),
  );
}
