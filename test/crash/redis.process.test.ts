import { startRedisServer, type RedisServer } from "sluice/testing";
import { afterAll, expect, it } from "vitest";
import { startBalancer, type Balancer } from "./balancer.ts";
import { LEASE_MS, startGateway, withGateways, type Gateway } from "./gateways.ts";
import { randomOf, roundsOf, spread } from "./numbers.ts";
import { ask, expectWhole, join, stop, type Reader } from "./readers.ts";

withGateways();

// Pairs of gateways that are killed side by side, each pair on a Redis of its own.
const LANES = 4;
const KILLS = roundsOf(104);
// Usually a second, with both cores busy two.
const IN_TIME_MS = LEASE_MS + 9_000;

const balancers: Balancer[] = [];
const servers: RedisServer[] = [];
afterAll(async () => {
  await Promise.all([...balancers, ...servers].map((one) => one.close()));
});

interface Site {
  readonly balancer: Balancer;
  readonly gateways: [Gateway, Gateway];
  start(): Promise<Gateway>;
}

async function startSite(): Promise<Site> {
  const redis = await startRedisServer();
  servers.push(redis);
  const start = (): Promise<Gateway> => startGateway({ SLUICE_STORE: redis.url });
  const balancer = await startBalancer();
  balancers.push(balancer);
  return { balancer, start, gateways: await Promise.all([start(), start()]) };
}

interface Tally {
  kills: number;
  cut: number;
  finished: number;
  readonly waits: number[];
}

async function killInTurns(lane: number, kills: number, tally: Tally): Promise<void> {
  const random = randomOf(lane * 104_729 + 7);
  const { balancer, gateways, start } = await startSite();
  const all: Reader[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const victim = random(2);
    const producer = gateways[victim] as Gateway;
    const other = gateways[1 - victim] as Gateway;
    // Questions go to the one that will be killed; who comes back finds the other.
    balancer.setTargets([producer.port]);
    const rates = [100, 200, 400];
    const long = Array.from({ length: 2 }, (_, index) =>
      ask(balancer.url, `words=20000 ttft=0 rate=${rates[random(3)]} lane ${lane} kill ${kill} ${index}`, {
        dialect: random(4) === 0 ? "simple" : "ai-sdk",
      }),
    );
    const short = ask(balancer.url, `words=${1 + random(40)} rate=max short ${lane} ${kill}`);
    const watched = long[random(2)] as Reader;
    await watched.has(1);
    const remote = join(other.url, watched.runId);
    await watched.has(1 + random(60));
    if (short.endedAt !== undefined) tally.finished += 1;
    balancer.setTargets([other.port]);
    await producer.kill();
    const since = performance.now();
    tally.kills += 1;
    const cut = long.filter(({ events }) => events.length > 0);
    tally.cut += cut.length;
    const restarted = start();

    for (const reader of [...cut, remote]) {
      expect(await reader.outcome).toBe("run/producer-lost");
      const wait = (reader.endedAt ?? Infinity) - since;
      tally.waits.push(wait);
      expect(wait).toBeLessThan(IN_TIME_MS);
    }
    expect(["finish", "run/producer-lost"]).toContain(await short.outcome);
    for (const reader of long) {
      if (cut.includes(reader)) continue;
      await reader.has(1);
      await stop(other.url, reader.runId);
      expect(["abort", "run/producer-lost"]).toContain(await reader.outcome);
    }
    gateways[victim] = await restarted;
    const readers = [...long, short, remote];
    for (const reader of readers) await expectWhole(gateways[random(2)]?.url ?? "", reader);
    all.push(...readers);
  }
  for (const reader of all) await expectWhole(balancer.url, reader);
  await Promise.all(gateways.map((gateway) => gateway.kill()));
}

it(
  `ends every answer of a gateway that is killed, by the other one: ${KILLS} kills`,
  { timeout: 600_000 },
  async () => {
    const tally: Tally = { kills: 0, cut: 0, finished: 0, waits: [] };
    await Promise.all(Array.from({ length: LANES }, (_, lane) => killInTurns(lane, Math.ceil(KILLS / LANES), tally)));
    console.log(
      `redis: ${tally.kills} kills, all in the middle of answers (${tally.cut} answers cut); ` +
        `${tally.finished} answers complete before; terminal after the kill (min/median/max): ${spread(tally.waits)}`,
    );
    expect(tally.cut).toBeGreaterThanOrEqual(tally.kills);
  },
);

it("lets no producer go on that was stopped for longer than its lease: its answer has ended once", async () => {
  const { balancer, gateways } = await startSite();
  const [frozen, other] = gateways;
  for (let round = 0; round < 5; round += 1) {
    balancer.setTargets([frozen.port]);
    const moving = ask(balancer.url, `words=20000 ttft=0 rate=200 frozen ${round}`, { stallMs: 300 });
    await moving.has(20 + 10 * round);
    const staying = join(frozen.url, moving.runId);
    await staying.has(20);
    balancer.setTargets([other.port]);
    frozen.signal("SIGSTOP");
    expect(await moving.outcome).toBe("run/producer-lost");
    await expectWhole(other.url, moving);
    expect(staying.endedAt).toBeUndefined();

    frozen.signal("SIGCONT");
    // The one that stayed with it is given the end that the other has written.
    expect(await staying.outcome).toBe("run/producer-lost");
    await frozen.printed(new RegExp(`"run":"${moving.runId}".*"msg":"run lost"`));
    for (const reader of [moving, staying]) await expectWhole(other.url, reader);
  }
  expect(other.output().match(/"msg":"run reaped"/g)).toHaveLength(5);
  expect(frozen.output()).not.toContain("run reaped");
  // It is whole again, and produces nothing any more.
  expect(await ask(frozen.url, "words=5 rate=max").outcome).toBe("finish");
  frozen.signal("SIGTERM");
  expect(await frozen.ended).toBe(0);
  expect(frozen.output()).not.toContain("Open answers");
  await other.kill();
});
