import { isSluiceError } from "sluice/errors";
import { startRedisCluster, startRedisSentinel, startRedisServer, type RedisServer } from "sluice/testing";
import { afterEach, expect, it } from "vitest";
import { startBalancer, type Balancer } from "./balancer.ts";
import { startGateway, withGateways, type Gateway } from "./gateways.ts";
import { randomOf, roundsOf, spread } from "./numbers.ts";
import { ask, expectWhole, join, saidIn, wholeRun, type Reader } from "./readers.ts";

withGateways();

const opened: (() => unknown)[] = [];
afterEach(closeAll);

async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

// Long enough for every gateway to find the new master before a lease lapses that its producer could not renew.
const LEASE_MS = 3_000;
const IN_TIME_MS = 20_000;

interface Site {
  readonly balancer: Balancer;
  readonly gateways: readonly [Gateway, Gateway];
  /** What the gateways said about entries that Redis had lost. */
  told(what: "put back" | "rewound"): number;
}

async function startSite(store: string): Promise<Site> {
  const start = (): Promise<Gateway> => startGateway({ SLUICE_STORE: store, SLUICE_LEASE_MS: String(LEASE_MS) });
  const gateways = await Promise.all([start(), start()]);
  const balancer = await startBalancer(gateways.map(({ port }) => port));
  opened.push(() => Promise.all([balancer.close(), ...gateways.map((gateway) => gateway.kill())]));
  const said = (what: string): number =>
    gateways.reduce((sum, gateway) => sum + gateway.output().split(`redis lost entries: ${what}`).length - 1, 0);
  return { balancer, gateways, told: said };
}

interface Tally {
  rounds: number;
  answers: number;
  readers: number;
  putBack: number;
  rewound: number;
  readonly waits: number[];
}

function newTally(): Tally {
  return { rounds: 0, answers: 0, readers: 0, putBack: 0, rewound: 0, waits: [] };
}

function tell(what: string, { rounds, answers, readers, putBack, rewound, waits }: Tally): void {
  console.log(
    `${what}: ${rounds} rounds, ${answers} answers with ${readers} readers; logs put back: ${putBack}; ` +
      `readers told log/rewound: ${rewound}; terminal after the kill (min/median/max): ${spread(waits)}`,
  );
}

/** Answers that stream, over both gateways, with readers on both: the asking one first, then one on each. */
async function stream(
  site: Site,
  { round = 0, count, words, seen }: { round?: number; count: number; words: number; seen: number },
): Promise<readonly Reader[][]> {
  const answers = Array.from({ length: count }, (_, index) => {
    const rate = [100, 130, 160][index % 3];
    const dialect = index % 4 === 3 ? ("simple" as const) : ("ai-sdk" as const);
    return ask(site.balancer.url, `words=${words} ttft=0 rate=${rate} round ${round} ${index}`, { dialect });
  });
  const all: Reader[][] = [];
  for (const asking of answers) {
    await asking.has(seen);
    expect(asking.endedAt).toBeUndefined();
    all.push([asking, ...site.gateways.map(({ url }) => join(url, asking.runId))]);
  }
  for (const readers of all) for (const reader of readers) await reader.has(seen);
  return all;
}

/** How a reader ended, and when: its terminal, or the code of what it was refused with. */
async function endOf(reader: Reader, since: number, tally: Tally): Promise<string> {
  const end = await reader.outcome.catch((error: unknown) => {
    if (isSluiceError(error, "client/refused")) return String(error.details["code"]);
    throw error;
  });
  const wait = (reader.endedAt ?? Infinity) - since;
  expect(wait).toBeLessThan(IN_TIME_MS);
  tally.waits.push(wait);
  tally.readers += 1;
  return end;
}

/** Every answer was finished, and all its readers have all of it, as both gateways have it. */
async function expectFinished(site: Site, answers: readonly Reader[][], since: number, tally: Tally): Promise<void> {
  for (const [index, readers] of answers.entries()) {
    for (const reader of readers) {
      expect(await endOf(reader, since, tally)).toBe("finish");
      await expectWhole(site.gateways[index % 2]!.url, reader);
    }
  }
  tally.answers += answers.length;
}

const KILLS = roundsOf(5);

it(
  `finishes every answer while Redis is killed and started again with its AOF: ${KILLS} kills`,
  {
    timeout: 60_000 + KILLS * 10_000,
  },
  async () => {
    const random = randomOf(31);
    const args = ["--appendonly", "yes"];
    let redis = await startRedisServer({ args });
    const { port, dir } = redis;
    opened.push(() => redis.close());
    const site = await startSite(redis.url);
    const tally = newTally();
    const all: Reader[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const answers = await stream(site, { round: kill, count: 4, words: 500, seen: 5 + random(60) });
      expect(answers.flat().every(({ endedAt }) => endedAt === undefined)).toBe(true);
      await redis.kill();
      const since = performance.now();
      redis = await startRedisServer({ port, dir, args });
      await expectFinished(site, answers, since, tally);
      tally.rounds += 1;
      all.push(...answers.flat());
    }
    for (const reader of all) await expectWhole(site.balancer.url, reader);
    tally.putBack = site.told("put back");
    tally.rewound = site.told("rewound");
    tell("Redis killed, AOF", tally);
    expect(tally.rewound).toBe(0);
  },
);

/** From now on nothing reaches the replica: it is cut off, and not let in again. Clients notice nothing. */
async function cutOff(master: RedisServer): Promise<void> {
  await master.command("acl", "setuser", "default", "-psync", "-sync");
  await master.command("client", "kill", "type", "replica");
}

const FAILOVERS = Math.max(1, Math.ceil(roundsOf(5) / 2));

it(
  `finishes every answer over a fail-over by Sentinel that loses entries: ${FAILOVERS} times`,
  {
    timeout: 60_000 + FAILOVERS * 30_000,
  },
  async () => {
    const tally = newTally();
    const random = randomOf(47);
    for (let round = 0; round < FAILOVERS; round += 1) {
      const { sentinel, servers, name, close } = await startRedisSentinel();
      opened.push(close);
      const site = await startSite(`redis+sentinel://127.0.0.1:${sentinel.port}/${name}`);
      const answers = await stream(site, { round, count: 4, words: 500, seen: 5 + random(30) });
      await cutOff(servers[0]);
      // Readers have what the replica will not have.
      for (const readers of answers) for (const reader of readers) await reader.has(reader.events.length + 10);
      await servers[0].kill();
      await expectFinished(site, answers, performance.now(), tally);
      tally.putBack += site.told("put back");
      expect(site.told("rewound")).toBe(0);
      tally.rounds += 1;
      await closeAll();
    }
    tell("Sentinel", tally);
    expect(tally.putBack).toBeGreaterThan(0);
  },
);

it(
  "ends every answer whose producer died with the master: what is lost is told, nothing is contradicted",
  {
    timeout: 90_000,
  },
  async () => {
    const tally = newTally();
    const { sentinel, servers, name, close } = await startRedisSentinel();
    opened.push(close);
    const site = await startSite(`redis+sentinel://127.0.0.1:${sentinel.port}/${name}`);
    const [producer, other] = site.gateways;
    site.balancer.setTargets([producer.port]);
    const answers = await stream(site, { count: 3, words: 20_000, seen: 20 });
    const behind = answers.map(([asking]) => asking!.events.at(5)!.id!);
    await cutOff(servers[0]);
    for (const readers of answers) for (const reader of readers) await reader.has(reader.events.length + 20);
    site.balancer.setTargets([other.port]);
    await Promise.all([producer.kill(), servers[0].kill()]);
    const since = performance.now();

    for (const [, gone] of answers) gone!.leave(); // its gateway is no more
    for (const [index, [asking, , staying]] of answers.entries()) {
      for (const reader of [asking!, staying!]) {
        expect(await endOf(reader, since, tally)).toBe("log/rewound");
        tally.rewound += 1;
      }
      const { runId, dialect } = asking!;
      // One that is far behind goes on from there to the terminal.
      const late = join(other.url, runId, dialect, { lastEventId: behind[index]! });
      expect(await endOf(late, since, tally)).toBe("run/producer-lost");
      const whole = await wholeRun(other.url, runId, dialect);
      expect(late.events.at(-1)).toEqual(whole.at(-1));
      const kept = saidIn(whole);
      expect(kept.endsWith(saidIn(late.events))).toBe(true);
      // All but the terminal had been seen, as it is, and not all that had been seen is there.
      expect(kept.length).toBeGreaterThan(50);
      expect(saidIn(asking!.events).startsWith(kept)).toBe(true);
      expect(saidIn(asking!.events).length).toBeGreaterThan(kept.length);
      tally.answers += 1;
    }
    tally.rounds = 1;
    tell("Sentinel, producer killed too", tally);
  },
);

it("finishes every answer while a node of a Cluster fails over, losing entries", { timeout: 90_000 }, async () => {
  const tally = newTally();
  const cluster = await startRedisCluster();
  opened.push(() => cluster.close());
  const [master] = cluster.servers;
  await cluster.addReplica(master!);
  const nodes = cluster.servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
  const site = await startSite(`redis+cluster://${nodes}`);
  const answers: Reader[][] = [];
  let hit = 0;
  // Ids are random: a third of the answers lies on the node that fails over, and once in forty times none of nine.
  for (let round = 0; hit === 0; round += 1) {
    const more = await stream(site, { round, count: 9, words: 800, seen: 20 });
    const homes = await Promise.all(more.map(([asking]) => cluster.masterOf(`sluice:{${asking!.runId}}:log`)));
    hit = homes.filter((home) => home === master).length;
    answers.push(...more);
  }
  await cutOff(master!);
  for (const readers of answers) for (const reader of readers) await reader.has(reader.events.length + 10);
  await master!.kill();
  await expectFinished(site, answers, performance.now(), tally);
  tally.rounds = 1;
  tally.putBack = site.told("put back");
  tell(`Cluster, ${hit} answers on the node that failed over`, tally);
  expect(tally.putBack).toBeGreaterThan(0);
  expect(site.told("rewound")).toBe(0);
});
