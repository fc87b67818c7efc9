import { Redis } from "ioredis";
import { createMemoryLog } from "sluice/log";
import { startRedisCluster, startRedisServer, type RedisServer } from "sluice/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";
import { createLimits, type Limits } from "../src/limits.ts";
import { leaseStreams, type OwnerStreams } from "../src/owner-streams.ts";
import { createAskRedis, type AskRedis } from "../src/redis-away.ts";
import { bearer, openStream, question, site, type Site } from "./support.ts";

const LONG = "words=1000000 rate=50";
const KEYS = { SLUICE_API_KEYS: "alice:key1,bob:key2" };
const silent = (): void => {};

let redis: RedisServer;
const clients: { disconnect(): void }[] = [];
beforeAll(async () => {
  redis = await startRedisServer();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await redis.command("flushall");
});
afterAll(() => redis.close());

/** A gateway whose limits are in Redis, and whose answers are not: so that Redis can go alone. */
const gateway = (url: string, env: Readonly<Record<string, string>>): Promise<Site> =>
  site({ SLUICE_STORE: url, ...KEYS, ...env }, { store: createMemoryLog() });

describe("limits of an owner on all gateways that share a Redis", () => {
  it("counts the streams of all of them, and gives back what has ended anywhere", async () => {
    const env = { SLUICE_OWNER_STREAMS: "2" };
    const [one, two] = await Promise.all([gateway(redis.url, env), gateway(redis.url, env)]);
    const headers = bearer("key1");
    const first = await openStream(one.url, { body: question(LONG), headers });
    await openStream(two.url, { body: question(LONG), headers });
    for (const at of [one, two]) {
      const refused = await at.ask({ body: question(), headers });
      expect([refused.status, refused.code]).toEqual([429, "request/too-many-streams"]);
    }
    expect((await two.ask({ body: question(), headers: bearer("key2") })).status).toBe(200);
    first.message.destroy();
    let status = 429;
    while (status === 429) status = (await two.ask({ body: question(), headers })).status;
    expect(status).toBe(200);
  });

  it("leaves nothing of a gateway that was closed, though its streams were broken off", async () => {
    const at = await gateway(redis.url, { SLUICE_OWNER_STREAMS: "5" });
    for (let index = 0; index < 3; index += 1) {
      await openStream(at.url, { body: question(LONG), headers: bearer("key1") });
    }
    expect(await redis.command("exists", "sluice:limit:streams:alice")).toContain(":1");
    await at.close(AbortSignal.abort());
    expect(await redis.command("exists", "sluice:limit:streams:alice")).toContain(":0");
    expect(at.text()).not.toContain("by this node alone");
  });

  it("counts the starts and the failed logins of all of them", async () => {
    const env = { SLUICE_OWNER_STARTS_PER_MINUTE: "2", SLUICE_FAILED_LOGINS_PER_MINUTE: "2" };
    const [one, two] = await Promise.all([gateway(redis.url, env), gateway(redis.url, env)]);
    const headers = bearer("key1");
    const started = [];
    for (const at of [one, two, one, two]) started.push((await at.ask({ body: question(), headers })).status);
    expect(started).toEqual([200, 200, 429, 429]);
    const logins = [];
    for (const at of [one, two, one]) logins.push((await at.ask({ at: "POST /session", body: { key: "no" } })).status);
    expect(logins).toEqual([401, 401, 429]);
    const keys = await redis.command("keys", "*");
    expect(keys).toContain("sluice:limit:starts:alice");
    expect(keys).toContain("sluice:limit:logins:127.0.0.1");
  });

  it("does so on a Redis Cluster too", async () => {
    const cluster = await startRedisCluster();
    const hosts = cluster.servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const config = parseConfig({
      SLUICE_STORE: `redis+cluster://${hosts}`,
      SLUICE_OWNER_STREAMS: "1",
      SLUICE_OWNER_STARTS_PER_MINUTE: "3",
    });
    const limits = await Promise.all([createLimits(config, silent), createLimits(config, silent)]);
    const [one, two] = limits as [Limits, Limits];
    try {
      const giveBack = await one.admit("alice", "start");
      await expect(two.admit("alice", "start")).rejects.toMatchObject({ code: "request/too-many-streams" });
      giveBack?.();
      for (;;) {
        try {
          await two.admit("alice", "read");
          break;
        } catch {
          // What was given back is on its way.
        }
      }
      await expect(two.admit("alice", "start")).rejects.toMatchObject({ code: "request/too-many-streams" });
      await expect(one.admit("alice", "start")).rejects.toMatchObject({ code: "request/rate-limited" });
    } finally {
      await Promise.all(limits.map((limit) => limit.close()));
      await cluster.close();
    }
  }, 60_000);
});

describe("streams that are leased", () => {
  interface Node {
    readonly streams: OwnerStreams;
    renew(): void;
  }

  let now = 1_000_000;
  const node = (name: string, limit: number, ask?: AskRedis): Node => {
    const client = new Redis(redis.url);
    clients.push(client);
    const ticks: (() => void)[] = [];
    const streams = leaseStreams({
      client,
      ask: ask ?? createAskRedis(silent),
      limit,
      prefix: "test",
      node: name,
      leaseMs: 30_000,
      time: () => now,
      every: (_ms, run) => {
        ticks.push(run);
        return () => {};
      },
    });
    return { streams, renew: () => ticks.forEach((run) => run()) };
  };
  const told = async (owner: string): Promise<string> => redis.command("hgetall", `test:limit:streams:${owner}`);

  it("count until their lease has lapsed when their node is killed, and not longer", async () => {
    const [killed, other] = [node("a", 2), node("b", 2)];
    await killed.streams.take("alice");
    await killed.streams.take("alice");
    now += 29_999;
    expect(await other.streams.take("alice")).toBeUndefined();
    now += 1;
    expect(await other.streams.take("alice")).toBeDefined();
    expect(await other.streams.take("alice")).toBeDefined();
    expect(await other.streams.take("alice")).toBeUndefined();
  });

  it("count for as long as their node renews them", async () => {
    const [alive, other] = [node("a", 1), node("b", 1)];
    await alive.streams.take("alice");
    for (let round = 0; round < 5; round += 1) {
      now += 10_000;
      alive.renew();
      expect(await alive.streams.take("alice")).toBeUndefined();
      while (!(await told("alice")).includes(String(now + 30_000)));
    }
    expect(await other.streams.take("alice")).toBeUndefined();
  });

  it("are counted again by the next renewal when Redis has lost them", async () => {
    const [alive, other] = [node("a", 1), node("b", 1)];
    await alive.streams.take("alice");
    await redis.command("flushall");
    alive.renew();
    while (!(await told("alice")).includes("a"));
    expect(await other.streams.take("alice")).toBeUndefined();
  });

  it("leave no key behind when they are given back, however often and in whatever order", async () => {
    const nodes = [node("a", 7), node("b", 7)];
    const taken = await Promise.all(
      Array.from({ length: 100 }, (_, index) => (nodes[index % 2] as Node).streams.take("alice")),
    );
    const given = taken.filter((giveBack) => giveBack !== undefined);
    expect(given).toHaveLength(7);
    for (const giveBack of given) {
      giveBack();
      giveBack();
    }
    while ((await redis.command("exists", "test:limit:streams:alice")).includes(":1"));
    expect(await (nodes[0] as Node).streams.take("alice")).toBeDefined();
  });

  it("are counted by each node alone while Redis is away", async () => {
    const alone = node("a", 2, async () => undefined);
    const given = [await alone.streams.take("alice"), await alone.streams.take("alice")];
    expect(given.every((giveBack) => giveBack !== undefined)).toBe(true);
    expect(await alone.streams.take("alice")).toBeUndefined();
    given[0]?.();
    expect(await alone.streams.take("alice")).toBeDefined();
  });
});

describe("limits while their Redis is away", () => {
  it("let owners in, each gateway counting for itself, and say so in one line of the log", async () => {
    const own = await startRedisServer();
    const at = await gateway(own.url, { SLUICE_OWNER_STARTS_PER_MINUTE: "3", SLUICE_OWNER_STREAMS: "5" });
    const headers = bearer("key1");
    expect((await at.ask({ body: question(), headers })).status).toBe(200);
    await own.close();
    const statuses = [];
    for (let index = 0; index < 5; index += 1) statuses.push((await at.ask({ body: question(), headers })).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const lines = at.lines.filter(({ msg }) => msg === "limits of owners are kept by this node alone");
    expect(lines.map(({ level, code }) => [level, code])).toEqual([[40, "log/unavailable"]]);
  });

  it("hold nobody up for long when it takes commands and says nothing", async () => {
    const own = await startRedisServer();
    const at = await gateway(own.url, { SLUICE_OWNER_STARTS_PER_MINUTE: "3" });
    process.kill(own.pid, "SIGSTOP");
    try {
      const answers = await Promise.all(
        Array.from({ length: 3 }, () => at.ask({ body: question(), headers: bearer("key1") })),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    } finally {
      process.kill(own.pid, "SIGCONT");
      await own.close();
    }
  });

  it("ask it again after a pause", async () => {
    let now = 0;
    const lines: string[] = [];
    const ask = createAskRedis(
      (level) => lines.push(level),
      () => now,
    );
    expect(await ask(() => Promise.reject(new Error("away")))).toBeUndefined();
    expect(await ask(() => Promise.resolve("there"))).toBeUndefined();
    now = 5_000;
    expect(await ask(() => Promise.resolve("there"))).toBe("there");
    expect(lines).toEqual(["warn"]);
  });
});
