import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import type { CreateLog, LogStore } from "../../src/log/index.ts";
import { createRedisLog, type RedisLogOptions } from "../../src/log/redis.ts";
import { startRedisSentinel, startRedisServer } from "../../src/testing/redis-server.ts";
import type { RedisServer, RedisServerOptions } from "../../src/testing/redis-server.ts";

/** What a test has opened, let go of in the order opposite to that. */
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function startServer(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedisServer(options);
  opened.push(() => server.close());
  return server;
}

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on("error", () => {}); // servers are killed here
  opened.push(() => client.disconnect());
  return client;
}

/** A node of its own: its connections, its store. */
function node(url: string, options: Partial<RedisLogOptions> = {}): LogStore {
  const store = createRedisLog({ client: connect(url), ...options });
  opened.push(() => store[Symbol.asyncDispose]());
  return store;
}

const LOG: CreateLog = { owner: "o", meta: {}, ttlMs: 60_000, lease: { holder: "a", ttlMs: 60_000 } };
const never = (): AbortSignal => new AbortController().signal;

async function readAll(store: LogStore, id: string): Promise<readonly string[]> {
  const entries: string[] = [];
  for await (const slice of store.tail(id, { after: 0, signal: never() })) {
    expect(slice.after).toBe(entries.length);
    entries.push(...slice.entries);
  }
  return entries;
}

/** Entries from 1 to `count`, appended one after the other; calls `between` before each. */
async function write(store: LogStore, id: string, count: number, between: (n: number) => unknown): Promise<string[]> {
  const { fence } = await store.create(id, LOG);
  const all: string[] = [];
  for (let n = 0; n < count; n += 1) {
    await between(n);
    await store.append(id, [`entry ${n}`], { expected: n, fence });
    all.push(`entry ${n}`);
  }
  await store.close(id, ["t"], { expected: count, fence });
  return [...all, "t"];
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => "it resolved",
    (reason: unknown) => reason,
  );
  return isSluiceError(error) ? error.code : String(error);
}

describe("two nodes on one Redis", () => {
  it("what one appends, the other tails, finds and lists", async () => {
    const { url } = await startServer();
    const [a, b] = [node(url, { pollMs: 3_600_000 }), node(url, { pollMs: 3_600_000 })];
    const made = await a.create("log", { ...LOG, claim: { key: "k", hash: "h" } });
    expect(await b.find("o", "k")).toEqual(made.state);
    expect((await b.list({ owner: "o", limit: 10 })).logs).toEqual([made.state]);
    const reading = readAll(b, "log");
    await a.append("log", ["x", "y"], { expected: 0, fence: made.fence });
    await a.close("log", ["line 1\nline 2"], { expected: 2, fence: made.fence });
    expect(await reading).toEqual(["x", "y", "line 1\nline 2"]);
  });

  it("a stop asked for on one wakes the producer on the other without its looking", async () => {
    const { url } = await startServer();
    const [a, b] = [node(url, { pollMs: 3_600_000 }), node(url, { pollMs: 3_600_000 })];
    await a.create("log", LOG);
    const stopped = a.stopRequested("log", never());
    expect((await b.requestStop("log")).stopRequested).toBe(true);
    await stopped;
  });

  it("of one claim at the same instant on both, one log is made", async () => {
    const { url } = await startServer();
    const [a, b] = [node(url), node(url)];
    for (let round = 0; round < 20; round += 1) {
      const claim = { key: `k${round}`, hash: "h" };
      const answers = await Promise.all([a, b].map((store) => store.create(randomUUID(), { ...LOG, claim })));
      expect(answers.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(answers.map(({ state }) => state.id)).size).toBe(1);
    }
  });

  it("readers that no bell wakes look by themselves", async () => {
    const { url } = await startServer();
    const client = connect(url);
    const deaf = {
      ssubscribe: () => Promise.reject(new Error("refused")),
      sunsubscribe: () => Promise.resolve(),
      on: () => undefined,
      removeListener: () => undefined,
      disconnect: () => undefined,
    };
    const b = node(url, { client, subscriber: deaf, pollMs: 20 });
    expect(await codeOf(readAll(b, "log"))).toBe("log/not-found");
    const a = node(url);
    const { fence } = await a.create("log", LOG);
    const late = readAll(b, "log");
    await a.append("log", ["x"], { expected: 0, fence });
    await a.close("log", ["t"], { expected: 1, fence });
    expect(await late).toEqual(["x", "t"]);
  });

  it("a node has two connections, however many readers and producers", async () => {
    const server = await startServer();
    const store = node(server.url);
    const leaving: AbortController[] = [];
    const waits: Promise<unknown>[] = [];
    for (let index = 0; index < 50; index += 1) {
      await store.create(`log ${index}`, LOG);
      const leave = new AbortController();
      leaving.push(leave);
      const tail = store.tail(`log ${index}`, { after: 0, signal: leave.signal })[Symbol.asyncIterator]();
      waits.push(tail.next(), store.stopRequested(`log ${index}`, leave.signal));
    }
    const clients = await server.command("client", "list");
    // The one that asks is there too.
    expect(clients.split("\n").filter((line) => line.includes("id="))).toHaveLength(3);
    for (const leave of leaving) leave.abort();
    await Promise.all(waits);
  });
});

describe("connections that break", () => {
  it("nothing is lost or comes twice while connections are cut under writer and readers", async () => {
    const server = await startServer();
    const [a, b] = [node(server.url, { pollMs: 50 }), node(server.url, { pollMs: 50 })];
    await a.create("early", LOG);
    const writing = write(a, "log", 300, async (n) => {
      if (n % 30 === 29) await server.command("client", "kill", "type", n % 60 === 59 ? "pubsub" : "normal");
    });
    const readings: Promise<readonly string[]>[] = [];
    await expect.poll(() => a.state("log")).toBeDefined();
    for (let reader = 0; reader < 5; reader += 1) readings.push(readAll(reader < 2 ? a : b, "log"));
    const all = await writing;
    for (const read of await Promise.all(readings)) expect(read).toEqual(all);
  });

  it("scripts that Redis has forgotten are given to it again", async () => {
    const server = await startServer();
    const store = node(server.url);
    const all = await write(store, "log", 20, () => server.command("script", "flush"));
    expect((await store.read("log", { after: 0 })).entries).toEqual(all);
  });

  it("a kill -9 of Redis with appendfsync always loses nothing that was acknowledged", async () => {
    const args = ["--appendonly", "yes", "--appendfsync", "always"];
    const first = await startServer({ args });
    const { port, dir } = first;
    let server = Promise.resolve(first);
    const restart = async (running: RedisServer): Promise<RedisServer> => {
      await running.kill();
      return startServer({ port, dir, args });
    };
    const [a, b] = [node(first.url, { patienceMs: 20_000 }), node(first.url, { patienceMs: 20_000, pollMs: 50 })];
    let reading: Promise<readonly string[]> | undefined;
    const all = await write(a, "log", 120, (n) => {
      reading ??= readAll(b, "log");
      // Not waited for: the restart comes in the middle of an append.
      if (n % 40 === 20) server = server.then(restart);
    });
    await server;
    expect(await reading).toEqual(all);
    expect((await a.state("log"))?.bytes).toBe(Buffer.byteLength(all.join("")));
  });

  it("a fail-over is ridden out, and nothing is due after it for a whole lease", async () => {
    const { servers, sentinel, name, close } = await startRedisSentinel();
    opened.push(close);
    const client = new Redis({
      sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
      name,
      retryStrategy: () => 50,
    });
    client.on("error", () => {});
    opened.push(() => client.disconnect());
    const store = createRedisLog({ client, patienceMs: 20_000, pollMs: 50 });
    opened.push(() => store[Symbol.asyncDispose]());
    await store.create("leased", { ...LOG, lease: { holder: "a", ttlMs: 1 } });
    await expect.poll(() => store.lapsed(10)).toEqual(["leased"]);
    const { fence } = await store.create("log", LOG);
    const reading = readAll(store, "log");
    for (let n = 0; n < 20; n += 1) {
      // What was acknowledged is on the replica before the master dies: this is about the connection.
      if (n === 10) {
        await client.call("wait", "1", "5000");
        await servers[0].kill();
      }
      await store.append("log", [`${n}`], { expected: n, fence });
    }
    expect(await store.lapsed(10)).toEqual([]);
    await store.close("log", ["t"], { expected: 20, fence });
    expect(await reading).toEqual([...Array.from({ length: 20 }, (_, n) => `${n}`), "t"]);
  });
});

describe("a Redis that refuses", () => {
  /** A node that tries for a tenth of a second only, and is connected. */
  async function hasty(url: string): Promise<LogStore> {
    const store = node(url, { patienceMs: 100 });
    await expect.poll(() => codeOf(store.state("none"))).toBe("it resolved");
    return store;
  }

  it("is log/unavailable when it is gone for longer than a command is tried", async () => {
    const server = await startServer();
    const store = await hasty(server.url);
    const { fence } = await node(server.url).create("log", LOG);
    await server.kill();
    expect(await codeOf(store.append("log", ["x"], { expected: 0, fence }))).toBe("log/unavailable");
    expect(await codeOf(store.state("log"))).toBe("log/unavailable");
  });

  it("is log/unavailable when memory is full, and takes the terminal all the same", async () => {
    const server = await startServer();
    const store = node(server.url);
    const { fence } = await store.create("log", LOG);
    await store.append("log", ["x"], { expected: 0, fence });
    await server.command("config", "set", "maxmemory", "1");
    expect(await codeOf(store.append("log", ["y"], { expected: 1, fence }))).toBe("log/unavailable");
    expect(await codeOf(store.create("other", LOG))).toBe("log/unavailable");
    expect((await store.read("log", { after: 0 })).entries).toEqual(["x"]);
    expect((await store.requestStop("log")).stopRequested).toBe(true);
    expect(await store.close("log", ["t"], { expected: 1, fence })).toEqual({ last: 2 });
    expect(await readAll(store, "log")).toEqual(["x", "t"]);
  });

  it("is log/unavailable when it cannot save, and is read all the same", async () => {
    const server = await startServer({ args: ["--save", "3600 1"] });
    const store = node(server.url);
    const { fence } = await store.create("log", LOG);
    await store.append("log", ["x"], { expected: 0, fence });
    // A directory where the file should be: the save fails, whoever runs the server.
    await mkdir(`${server.dir}/dump.rdb`);
    await server.command("bgsave");
    await expect.poll(() => server.command("info", "persistence")).toContain("rdb_last_bgsave_status:err");
    expect(await codeOf(store.append("log", ["y"], { expected: 1, fence }))).toBe("log/unavailable");
    expect((await store.read("log", { after: 0 })).entries).toEqual(["x"]);
  });

  it("is log/unavailable while it is a replica", async () => {
    const server = await startServer();
    const store = await hasty(server.url);
    const { fence } = await node(server.url).create("log", LOG);
    await server.command("replicaof", "127.0.0.1", "1");
    expect(await codeOf(store.append("log", ["x"], { expected: 0, fence }))).toBe("log/unavailable");
    await server.command("replicaof", "no", "one");
    await expect.poll(() => codeOf(store.append("log", ["x"], { expected: 0, fence }))).toBe("it resolved");
  });
});

describe("what is left behind", () => {
  it("the keys of a closed log go by themselves, a minute after its time to live", async () => {
    const server = await startServer();
    const client = connect(server.url);
    const store = node(server.url);
    const { fence } = await store.create("log", { ...LOG, ttlMs: 1_000, claim: { key: "k", hash: "h" } });
    await store.append("log", ["x"], { expected: 0, fence });
    await store.close("log", ["t"], { expected: 1, fence });
    const claim = 'sluice:claim:["o","k"]';
    await expect.poll(() => client.zcard("sluice:{leases}:due")).toBe(0);
    for (const key of ["sluice:{log}:log", "sluice:{log}:entries", claim]) {
      const left = await client.pttl(key);
      expect(left).toBeGreaterThan(59_000);
      expect(left).toBeLessThanOrEqual(61_000);
    }
  });

  it("a claim whose maker was killed is taken over after its five seconds", async () => {
    const server = await startServer();
    const client = connect(server.url);
    let now = 1_000_000;
    const store = node(server.url, { time: () => now });
    await client.hset('sluice:claim:["o","k"]', { token: "dead", id: "never made", until: String(now + 5_000) });
    const making = store.create("log", { ...LOG, claim: { key: "k", hash: "h" } });
    expect(await store.find("o", "k")).toBeUndefined();
    now += 5_000;
    expect((await making).created).toBe(true);
    expect((await store.find("o", "k"))?.id).toBe("log");
  });

  it("places of logs that were never made are swept after a minute, not before", async () => {
    const server = await startServer();
    const client = connect(server.url);
    let now = 1_000_000;
    const store = node(server.url, { time: () => now });
    await client.zadd("sluice:owner:o", String(now * 1_000), "never made");
    await client.zadd("sluice:{leases}:due", String(now), "never made");
    expect(await store.list({ owner: "o", limit: 10 })).toEqual({ logs: [] });
    expect(await store.lapsed(10)).toEqual([]);
    expect(await client.zcard("sluice:{leases}:due")).toBe(1);
    expect(await client.zcard("sluice:owner:o")).toBe(1);
    now += 60_001;
    await store.list({ owner: "o", limit: 10 });
    await expect.poll(() => client.zcard("sluice:owner:o")).toBe(0);
    // The first look after so long says nothing: nobody could have renewed.
    expect(await store.lapsed(10)).toEqual([]);
    now += 7_000;
    await store.lapsed(10);
    await expect.poll(() => client.zcard("sluice:{leases}:due")).toBe(0);
  });

  it("a log whose closing node died in the middle is put in order by whoever looks for lapsed ones", async () => {
    const server = await startServer();
    const client = connect(server.url);
    let now = 1_000_000;
    const store = node(server.url, { time: () => now });
    const { fence } = await store.create("log", {
      ...LOG,
      claim: { key: "k", hash: "h" },
      lease: { holder: "a", ttlMs: 5 },
    });
    await store.close("log", ["t"], { expected: 0, fence });
    const claim = 'sluice:claim:["o","k"]';
    await expect.poll(() => client.zcard("sluice:{leases}:due")).toBe(0);
    await client.zadd("sluice:{leases}:due", String(now), "log");
    await client.persist(claim);
    now += 10;
    expect(await store.lapsed(10)).toEqual([]);
    expect(await client.pttl(claim)).toBeGreaterThan(0);
    expect(await client.zcard("sluice:{leases}:due")).toBe(0);
  });
});

describe("leases", () => {
  it("nothing lapses for a whole lease after nobody could look for a while", async () => {
    const server = await startServer();
    let now = 1_000_000;
    const [a, b] = [node(server.url, { time: () => now }), node(server.url, { time: () => now })];
    await a.create("log", { ...LOG, lease: { holder: "a", ttlMs: 7_000 } });
    for (let second = 0; second < 7; second += 1) {
      expect(await a.lapsed(10)).toEqual([]);
      now += 1_000;
    }
    expect(await a.lapsed(10)).toEqual(["log"]);
    expect(await b.lapsed(10)).toEqual(["log"]);
    now += 20_000;
    expect(await b.lapsed(10)).toEqual([]);
    now += 6_999;
    expect(await a.lapsed(10)).toEqual([]);
    now += 1;
    expect(await a.lapsed(10)).toEqual(["log"]);
  });

  it("go by the clock of Redis", async () => {
    const server = await startServer();
    const store = node(server.url);
    await store.create("log", { ...LOG, lease: { holder: "a", ttlMs: 1 } });
    await expect.poll(() => store.lapsed(10)).toEqual(["log"]);
    const answer = await connect(server.url).time();
    const { expiresAt } = await store.lease("log", { holder: "b", ttlMs: 1_000 });
    expect(expiresAt).toBeGreaterThanOrEqual(Number(answer[0]) * 1_000 + 1_000);
  });
});

describe("a log that lost entries", () => {
  it("a reader that was given more than is left is told so", async () => {
    const server = await startServer();
    const client = connect(server.url);
    const store = node(server.url, { pollMs: 20 });
    const { fence } = await store.create("log", LOG);
    await store.append("log", ["a", "b"], { expected: 0, fence });
    const tail = store.tail("log", { after: 0, signal: never() })[Symbol.asyncIterator]();
    expect((await tail.next()).value).toMatchObject({ entries: ["a", "b"] });
    const waiting = codeOf(tail.next());
    await client.hset("sluice:{log}:log", "last", "1");
    await client.xtrim("sluice:{log}:entries", "MAXLEN", 0);
    expect(await waiting).toBe("log/rewound");
  });

  it("a reader of a log whose entries were evicted gets a gap, and is not kept waiting", async () => {
    const server = await startServer();
    const store = node(server.url);
    const { fence } = await store.create("log", LOG);
    await store.append("log", ["a", "b"], { expected: 0, fence });
    await connect(server.url).del("sluice:{log}:entries");
    expect(await codeOf(store.read("log", { after: 0 }))).toBe("log/gap");
  });
});
