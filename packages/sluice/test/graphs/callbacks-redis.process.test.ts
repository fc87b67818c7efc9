import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRedisCallbacks } from "../../src/graphs/redis.ts";
import { createManualClock, startRedisCluster, startRedisServer } from "../../src/testing/index.ts";
import type { RedisServer, RedisServers } from "../../src/testing/index.ts";
import { callbackCases } from "./callback-cases.ts";

let cases = 0;

describe("action tokens in one redis-server", () => {
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

  it.each(Object.entries(callbackCases))("%s", async (_sentence, run) => {
    const clock = createManualClock(1_700_000_000_000);
    const store = createRedisCallbacks({ client, prefix: `case${(cases += 1)}`, time: clock.now });
    await expect(run({ store, clock })).resolves.toBeUndefined();
  });

  it("go by the time of Redis, and leave no key behind that has no end", async () => {
    const store = createRedisCallbacks({ client, prefix: "real" });
    await store.issue("cb::a", { owner: "alice", action: "{}", ttlMs: 60_000 });
    expect((await store.take("cb::a", { owner: "alice", holder: "h", lockMs: 1_000 })).kind).toBe("taken");
    expect(await store.settle("cb::a", { holder: "h", outcome: "1", keepMs: 60_000 })).toBe(true);
    await store.take("cb::none", { owner: "alice", holder: "h", lockMs: 1_000 });
    await store.release("cb::none", "h");
    const keys = await client.keys("real:*");
    expect(keys).toEqual(["real:callback:{cb::a}"]);
    const left = await client.pttl(keys[0] ?? "");
    expect(left).toBeGreaterThan(60_000);
    expect(left).toBeLessThanOrEqual(120_000);
  });

  it("need no script to be known: a server that was started anew learns it", async () => {
    const store = createRedisCallbacks({ client, prefix: "flushed" });
    await store.issue("cb::a", { owner: "alice", action: "{}", ttlMs: 60_000 });
    await client.script("FLUSH");
    expect((await store.take("cb::a", { owner: "alice", holder: "h", lockMs: 1_000 })).kind).toBe("taken");
  });

  it("are unavailable, coded, while Redis is away", async () => {
    const away = new Redis({ port: 1, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    away.on("error", () => {});
    const store = createRedisCallbacks({ client: away, patienceMs: 50 });
    await expect(store.take("cb::a", { owner: "a", holder: "h", lockMs: 1_000 })).rejects.toMatchObject({
      code: "log/unavailable",
    });
    away.disconnect();
  });
});

describe("action tokens in a cluster of three", () => {
  let cluster: RedisServers;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    client = new Cluster(cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port })));
  });
  afterAll(async () => {
    client.disconnect();
    await cluster.close();
  });

  it("are one key each, on whichever node", async () => {
    const store = createRedisCallbacks({ client });
    for (let index = 0; index < 20; index += 1) {
      const token = `cb::chat::1.0.0::${index}`;
      await store.issue(token, { owner: "alice", action: `${index}`, ttlMs: 60_000 });
      expect(await store.take(token, { owner: "alice", holder: "h", lockMs: 1_000 })).toEqual({
        kind: "taken",
        action: `${index}`,
        attempt: 1,
      });
    }
  });
});
