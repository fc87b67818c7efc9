// The server of soak.mjs in a process of its own.
import { setTimeout as sleep } from "node:timers/promises";
import { once } from "node:events";
import { createServer } from "node:http";
import { createSluice } from "sluice/http";
import { partAt } from "./contenders/parts.mjs";
import { answerCalls } from "./lib/child.mjs";

const LARGE = 4_000;
const LARGE_PART = "0123456789abcdef".repeat(256);
const SWEEPS = 100;
const OWNER = "bench";
/** @type {Record<string, number>} interruptions and refusals by code */
const told = {};

const sluice = createSluice({
  authorize: () => OWNER,
  answer: ({ metadata = {} }) => items(metadata),
  compression: true,
  ttlMs: 3_000,
  stallMs: 1_500,
  heartbeatMs: 500,
  stopWhenUnwatchedMs: 1_000,
  log: (_, __, { code }) => {
    const name = typeof code === "string" ? code : "none";
    told[name] = (told[name] ?? 0) + 1;
  },
});
const server = createServer((req, res) => void sluice.handleNode(req, res));
server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
await once(server, "listening");

const large = await sluice.startRun(
  { owner: OWNER, limits: { maxDurationMs: 1_800_000 }, stopWhenUnwatchedMs: 1_800_000 },
  largeAnswer(),
);

answerCalls({
  where: () => ({ port: /** @type {import("node:net").AddressInfo} */ (server.address()).port, large: large.id }),
  /** The memory of what has expired is given back when something new is started. */
  async sweep() {
    for (let left = SWEEPS; left > 0; left -= 1) {
      const { id } = await sluice.startRun({ owner: OWNER }, items({ n: 1, ms: 0 }));
      await sluice.runs.ended(id);
    }
  },
  /** Bytes after collections of garbage, and who is there. */
  async status() {
    for (let time = 0; time < 3; time += 1) {
      globalThis.gc?.();
      await sleep(20);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    return { rss, held: heapUsed + external, connections, told };
  },
});

/** @param {Record<string, unknown>} metadata */
async function* items({ n, ms }) {
  const plan = /** @type {const} */ ({ kind: "tokens", n: Number(n) });
  for (let index = 0; index < plan.n; index += 1) {
    yield partAt(plan, index);
    if (Number(ms) > 0) await sleep(Number(ms));
  }
}

/** One that goes on until the process ends: for those who take nothing. */
async function* largeAnswer() {
  for (let index = 0; index < LARGE; index += 1) yield LARGE_PART;
  await new Promise(() => {});
}
