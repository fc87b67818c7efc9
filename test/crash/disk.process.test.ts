import { afterAll, expect, it } from "vitest";
import { startBalancer, type Balancer } from "./balancer.ts";
import { LEASE_MS, folder, startGateway, withGateways, type Gateway } from "./gateways.ts";
import { randomOf, roundsOf, spread } from "./numbers.ts";
import { ask, expectWhole, stop, type Reader } from "./readers.ts";

withGateways();

// Gateways that are killed side by side, each on a directory of its own: most of a round is waiting for a lease.
const LANES = 6;
const KILLS = roundsOf(108);
// After the process is there again: what is left of the lease, and the reaper's next look.
const IN_TIME_MS = LEASE_MS + 4_000;

const balancers: Balancer[] = [];
afterAll(() => Promise.all(balancers.map((balancer) => balancer.close())));

interface Tally {
  kills: number;
  cut: number;
  finished: number;
  restarted: number;
  readonly waits: number[];
}

async function killAgainAndAgain(lane: number, kills: number, tally: Tally): Promise<void> {
  const random = randomOf(lane * 7_919 + 1);
  const directory = folder();
  const balancer = await startBalancer();
  balancers.push(balancer);
  const start = async (): Promise<Gateway> => {
    const gateway = await startGateway({ SLUICE_STORE: "disk:./data" }, directory);
    balancer.setTargets([gateway.port]);
    return gateway;
  };
  const all: Reader[] = [];
  let gateway = await start();
  for (let kill = 0; kill < kills; kill += 1) {
    const rates = [100, 200, 400];
    const long = Array.from({ length: 3 }, (_, index) =>
      ask(balancer.url, `words=20000 ttft=0 rate=${rates[random(3)]} lane ${lane} kill ${kill} ${index}`, {
        dialect: random(4) === 0 ? "simple" : "ai-sdk",
      }),
    );
    const short = ask(balancer.url, `words=${1 + random(40)} rate=max short ${lane} ${kill}`);
    all.push(...long, short);
    // From before the first byte to far into the answer; every twelfth as soon as the question is on its way.
    const watched = long[random(3)] as Reader;
    await watched.has(random(12) === 0 ? 0 : 1 + random(60));
    if (short.endedAt !== undefined) tally.finished += 1;
    balancer.setTargets([]); // its port may be another's by the time it is back
    await gateway.kill();
    tally.kills += 1;
    const cut = long.filter(({ events }) => events.length > 0);
    if (cut.length > 0) tally.cut += 1;
    gateway = await start();
    const since = performance.now();

    for (const reader of cut) {
      expect(await reader.outcome).toBe("run/producer-lost");
      const wait = (reader.endedAt ?? Infinity) - since;
      tally.waits.push(wait);
      expect(wait).toBeLessThan(IN_TIME_MS);
    }
    // A question that was not answered yet either had its run, or is asked anew by the client.
    expect(["finish", "run/producer-lost"]).toContain(await short.outcome);
    for (const reader of long) {
      if (cut.includes(reader)) continue;
      await reader.has(1);
      if (reader.endedAt === undefined) tally.restarted += 1;
      await stop(balancer.url, reader.runId);
      expect(["abort", "run/producer-lost"]).toContain(await reader.outcome);
    }
    for (const reader of [...long, short]) await expectWhole(balancer.url, reader);
  }
  // After one more, everything that was ever read is still there.
  await gateway.kill();
  gateway = await start();
  for (const reader of all) await expectWhole(balancer.url, reader);
  await gateway.kill();
}

it(
  `keeps and ends every answer of a gateway on disk, over ${KILLS} kills in the middle`,
  { timeout: 600_000 },
  async () => {
    const tally: Tally = { kills: 0, cut: 0, finished: 0, restarted: 0, waits: [] };
    const perLane = Math.ceil(KILLS / LANES);
    await Promise.all(Array.from({ length: LANES }, (_, lane) => killAgainAndAgain(lane, perLane, tally)));
    console.log(
      `disk: ${tally.kills} kills, ${tally.cut} of them in the middle of answers (${tally.waits.length} answers cut); ` +
        `${tally.finished} answers complete before; ${tally.restarted} questions asked anew; ` +
        `terminal after restart (min/median/max): ${spread(tally.waits)}`,
    );
    expect(tally.cut).toBeGreaterThan(tally.kills / 2);
  },
);
