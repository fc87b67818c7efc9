import fc from "fast-check";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRedisLog, type RedisClient } from "../../src/log/redis.ts";
import { CREATE } from "../../src/log/redis/scripts/create.ts";
import { logCases, type LogCaseContext } from "../../src/testing/log-cases.ts";
import { createManualClock } from "../../src/testing/manual-clock.ts";
import { startRedisCluster, startRedisServer } from "../../src/testing/redis-server.ts";
import type { RedisServer, RedisServers } from "../../src/testing/redis-server.ts";
import { commands, createModel, perform } from "./model.ts";

let stores = 0;

// Leases and lifetimes go by a clock that the case moves; timers are real.
function context(client: RedisClient): LogCaseContext {
  const clock = createManualClock(1_700_000_000_000);
  let count = 0;
  stores += 1;
  const store = createRedisLog({ client, prefix: `case${stores}`, time: clock.now });
  return { store, advance: (ms) => clock.advance(ms), id: () => `id ${++count}` };
}

describe("one redis-server", () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedisServer();
    client = new Redis(server.url);
  });

  afterAll(async () => {
    client.disconnect();
    await server.close();
  });

  describe("keeps the contract", () => {
    it.each(Object.entries(logCases))("%s", async (_sentence, run) => {
      const given = context(client);
      await expect(run(given)).resolves.toBeUndefined();
      await given.store[Symbol.asyncDispose]();
    });
  });

  // Whoever had looked behind a claim before its log was made took it over when that log had ended since: a question that
  // came twice at the same instant was asked twice, where the answer was shorter than the pause between two looks.
  it("gives who waits behind a claim the log that was made and ended meanwhile", async () => {
    let [isHeld, release] = [false, (): void => {}];
    const released = new Promise<void>((resolve) => (release = resolve));
    const slow = client.duplicate();
    const call = slow.call.bind(slow) as (command: string, args: string[]) => Promise<unknown>;
    const holding = async (command: string, args: string[]): Promise<unknown> => {
      if (args[0] === CREATE.sha) {
        isHeld = true;
        await released;
      }
      return call(command, args);
    };
    const clock = createManualClock();
    const a = createRedisLog({ client: Object.assign(slow, { call: holding }), prefix: "meanwhile" });
    const b = createRedisLog({ client, prefix: "meanwhile", clock });
    const options = { owner: "o", meta: {}, ttlMs: 60_000, claim: { key: "k", hash: "h" } };
    const making = a.create("log a", options);
    await expect.poll(() => isHeld).toBe(true);
    const waiting = b.create("log b", options);
    for (let turn = 0; turn < 5; turn += 1) await b.state("log a"); // behind its first look
    release();
    const { fence } = await making;
    await a.close("log a", ["t"], { expected: 0, fence });
    await expect.poll(() => client.hget('meanwhile:claim:["o","k"]', "until")).toBe("0");
    await clock.advance(5);
    expect(await waiting).toMatchObject({ created: false, state: { id: "log a" } });
    await Promise.all([a, b].map((store) => store[Symbol.asyncDispose]()));
    slow.disconnect();
  });

  it("answers any commands as the model does", async () => {
    const subscriber = client.duplicate();
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const clock = createManualClock();
        stores += 1;
        const store = createRedisLog({ client, subscriber, prefix: `model${stores}`, time: clock.now });
        const model = createModel();
        for (const drawn of list) {
          const command = model.aim(drawn);
          const answer = await perform(store, clock, command);
          expect({ command, answer }).toEqual({ command, answer: model.answer(command) });
        }
        await store[Symbol.asyncDispose]();
      }),
      { numRuns: 200 },
    );
    subscriber.disconnect();
  });
});

describe("a cluster of three", () => {
  let cluster: RedisServers;
  let client: Cluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
    const nodes = cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port }));
    client = new Cluster(nodes, { shardedSubscribers: true });
  });

  afterAll(async () => {
    client.disconnect();
    await cluster.close();
  });

  describe("keeps the contract", () => {
    it.each(Object.entries(logCases))("%s", async (_sentence, run) => {
      const given = context(client);
      await expect(run(given)).resolves.toBeUndefined();
      await given.store[Symbol.asyncDispose]();
    });
  });

  it("finds a run again whose end its server lost, though the index had taken it out", async () => {
    const clock = createManualClock(1_700_000_000_000);
    const options = { client, prefix: "undone", time: clock.now, keepMs: 0 };
    const [a, b] = [createRedisLog(options), createRedisLog(options)];
    const lease = { holder: "a", ttlMs: 1_000 };
    const { fence } = await a.create("log", { owner: "o", meta: {}, ttlMs: 60_000, lease });
    await a.append("log", ["one"], { expected: 0, fence });
    const keys = ["undone:{log}:log", "undone:{log}:entries"];
    const before = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    await a.close("log", ["end"], { expected: 1, fence });
    await expect.poll(async () => Number(await client.zscore("undone:{leases}:due", "log"))).toBe(clock.now() + 10_000);
    await Promise.all(keys.map((key, index) => client.restore(key, 0, before[index]!, "REPLACE")));
    await a[Symbol.asyncDispose]();
    await clock.advance(5_000);
    expect(await b.lapsed(10)).toEqual([]);
    // Looked at every third of a second or so, as a reaper does: silence would be an outage.
    let lapsed: readonly string[] = [];
    for (let left = 40; left > 0 && lapsed.length === 0; left -= 1) {
      await clock.advance(1_000);
      lapsed = await b.lapsed(10);
    }
    expect(lapsed).toEqual(["log"]);
    const taken = await b.lease("log", { holder: "b", ttlMs: 1_000 });
    await b.close("log", ["the end"], { expected: 1, fence: taken.fence });
    for (let left = 20; left > 0; left -= 1) {
      await clock.advance(1_000);
      await b.lapsed(10);
    }
    expect(await client.zscore("undone:{leases}:due", "log")).toBeNull();
    await b[Symbol.asyncDispose]();
  });

  it("rings the bells of logs on every node, faster than readers look by themselves", async () => {
    // Readers that look by themselves would not see it before the test's time is over.
    const [a, b] = [0, 1].map(() => createRedisLog({ client, prefix: "bells", pollMs: 3_600_000 }));
    for (let index = 0; index < 12; index += 1) {
      const id = `log ${index}`;
      const { fence } = await a!.create(id, { owner: "o", meta: {}, ttlMs: 1_000 });
      const tail = b!.tail(id, { after: 0, signal: new AbortController().signal })[Symbol.asyncIterator]();
      for (let last = 0; last < 3; last += 1) {
        const next = tail.next();
        await a!.append(id, [`${last}`], { expected: last, fence });
        expect((await next).value).toEqual({ after: last, entries: [`${last}`], end: false });
      }
    }
    await Promise.all([a!, b!].map((store) => store[Symbol.asyncDispose]()));
  });

  it("keeps logs whose ids have braces in one slot each", async () => {
    const store = createRedisLog({ client, prefix: "braces" });
    for (const id of ["", "{}", "}{", "a{b}c", "{a}", "%7B"]) {
      const { fence } = await store.create(id, { owner: id, meta: {}, ttlMs: 1_000 });
      await store.append(id, [id], { expected: 0, fence });
    }
    for (const id of ["", "{}", "}{", "a{b}c", "{a}", "%7B"]) {
      expect((await store.read(id, { after: 0 })).entries).toEqual([id]);
    }
    await store[Symbol.asyncDispose]();
  });
});
