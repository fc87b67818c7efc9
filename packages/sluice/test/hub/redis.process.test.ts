import { Cluster, Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createHub, type Hub } from "../../src/hub/index.ts";
import { createRedisTopics, type RedisClient, type RedisTopicsOptions } from "../../src/hub/redis.ts";
import { PRESENT, READ } from "../../src/hub/redis/scripts.ts";
import { createSSEStream, type SSEMessage } from "../../src/sse/index.ts";
import {
  startRedisCluster,
  startRedisServer,
  type RedisCluster,
  type RedisServer,
} from "../../src/testing/redis-server.ts";
import { coded, dataOf, listen, numbers, told } from "./support.ts";

let server: RedisServer;
const hubs: Hub[] = [];
const clients: { disconnect(): void }[] = [];
const servers: RedisServer[] = [];
let prefixes = 0;
let prefix = "";

beforeAll(async () => {
  server = await startRedisServer();
});

afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub[Symbol.asyncDispose]()));
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(servers.splice(0).map((one) => one.close()));
  prefixes += 1;
  prefix = `t${prefixes}`;
});

afterAll(async () => {
  await server.close();
});

/** Ended after the test. */
async function startOwn(options?: Parameters<typeof startRedisServer>[0]): Promise<RedisServer> {
  const own = await startRedisServer(options);
  servers.push(own);
  return own;
}

function clientOf(url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on("error", () => {});
  clients.push(client);
  return client;
}

/** A hub with a connection of its own, as another process would have it. */
function node(options: Partial<RedisTopicsOptions> & { readonly typingMs?: number } = {}): Hub {
  const { typingMs = 5_000, client = clientOf(server.url), ...more } = options;
  const hub = createHub({ store: createRedisTopics({ client, prefix, ...more }), typingMs });
  hubs.push(hub);
  return hub;
}

/** What of a client is not `call`. */
const through = (client: Redis): Omit<RedisClient, "call"> => ({
  on: (event, listener) => client.on(event, listener),
  removeListener: (event, listener) => client.removeListener(event, listener),
  duplicate: () => client.duplicate(),
});

const crash = (client: RedisClient): void => client.disconnect?.();

describe("two nodes on one Redis", () => {
  // A broadcast reached one process only: of users whose pages were connected to another node, half heard nothing,
  // depending on where the load balancer had sent them.
  it("hear what is told on either of them, connections and subscribers, in one order", async () => {
    const [one, two] = [node(), node()];
    const sent = vi.fn<(message: SSEMessage) => void>();
    two.registerConnection("k", sent);
    const readers = await Promise.all([listen(one, "k"), listen(two, "k"), listen(two, "k")]);
    for (const number of numbers(500)) {
      void one.broadcast("k", "one", number);
      void two.broadcast("k", "two", number);
    }
    const all = await Promise.all(readers.map((reader) => reader.until(({ length }) => length === 1_000)));
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);
    const told1 = all[0]?.filter(({ event }) => event === "one") ?? [];
    const told2 = all[0]?.filter(({ event }) => event === "two") ?? [];
    expect([dataOf(told1), dataOf(told2)]).toEqual([numbers(500), numbers(500)]);
    expect(sent.mock.calls.map(([{ id }]) => id)).toEqual(all[0]?.map(({ id }) => id));
  });

  it("sends a connection what is told right after it was registered, and nothing of before", async () => {
    const hub = node();
    await hub.broadcast("k", "e", "before");
    const heard = new Promise((resolve) => hub.registerConnection("k", resolve));
    void hub.broadcast("k", "e", "after");
    expect(await heard).toMatchObject({ data: "after" });
  });

  // A page that connected while the topic was still being read (more than a page of it, or Redis hiccuped) was not sent
  // what its own process told it next: "you are connected" never came.
  it("does so also while what is kept is still being read, or has to be asked for again", async () => {
    const hub = node();
    for (const number of numbers(300)) void hub.broadcast("k", "e", number);
    await hub.broadcast("k", "e", "before");
    let cut = 0;
    const client = clientOf(server.url);
    const late = node({ client: { ...through(client), call: (command, args) => failing(client, command, args) } });
    async function failing(to: Redis, command: string, args: string[]): Promise<unknown> {
      if (args[0] === READ.sha && cut++ < 2) throw new Error("Connection is closed.");
      return to.call(command, args);
    }
    for (const one of [node(), late]) {
      const heard = new Promise((resolve) => one.registerConnection("k", resolve));
      void one.broadcast("k", "e", "after");
      expect(await heard).toMatchObject({ data: "after" });
    }
    expect(cut).toBeGreaterThan(2);
  });

  it("tell those who come at once in a few calls", async () => {
    const client = clientOf(server.url);
    let calls = 0;
    const hub = node({
      client: {
        ...through(client),
        call(command, args) {
          if (args[0] === PRESENT.sha) calls += 1;
          return client.call(command, args);
        },
      },
    });
    const from = await hub.locate("k");
    for (const number of numbers(1_000)) hub.open("k", { from, who: number, wake: () => {} });
    await hub.broadcast("k", "e");
    expect((await hub.presence("k")).length).toBe(1_000);
    expect(calls).toBeLessThan(10);
  });

  it("lets a subscriber go on at the other one, and tells it of a gap", async () => {
    const [one, two] = [node({ history: 3 }), node({ history: 3 })];
    const large = "x".repeat(60_000);
    const ids: string[] = [];
    for (const _ of numbers(8)) ids.push(await one.broadcast("k", "e", large));
    const reader = await listen(two, "k", { after: ids[4] ?? "" });
    expect((await reader.until(({ length }) => length === 3)).map(({ id }) => id)).toEqual(ids.slice(5));
    await expect(two.locate("k", { after: ids[0] ?? "" })).rejects.toEqual(coded("log/gap"));
    expect(await two.locate("k", { last: 2 })).toBe(ids[5]);
    expect(await two.locate("k", { last: 2, after: ids[6] })).toBe(ids[6]);
    expect(await two.locate("k")).toBe(ids[7]);
    const beyond = (ids[7] ?? "").replace(/.$/, "9").replace(/_g1/, "_g2");
    await expect(two.locate("k", { after: beyond })).rejects.toEqual(coded("log/rewound"));
  });

  it("counts connections of both, and knows who is there", async () => {
    const [one, two] = [node(), node()];
    const watcher = await listen(one, "k");
    const { send } = createSSEStream();
    two.registerConnection("k", send);
    const ann1 = await listen(one, "k", { who: "ann" });
    const ann2 = await listen(two, "k", { who: "ann" });
    await Promise.all([one.broadcast("k", "mark"), two.broadcast("k", "mark")]);
    expect([await one.countConnections("k"), await two.countConnections("k")]).toEqual([4, 4]);
    expect([one.getConnectionCount("k"), two.getConnectionCount("k")]).toEqual([2, 2]);
    expect(await two.presence("k")).toEqual(["ann"]);
    ann1.subscription.close();
    ann2.subscription.close();
    const events = await watcher.until((heard) => heard.length === 4);
    expect(events.filter(({ event }) => event === "presence").map(({ data }) => data)).toEqual([
      '{"joined":"ann"}',
      '{"left":"ann"}',
    ]);
  });

  // A page that was told how many are there right after it had come was told of one less than with topics in memory; one
  // that came after three events had been told, and were on their way yet, was told the last two of them as new.
  it("counts and names who came just before it is asked, and begins after what was told before", async () => {
    const hub = node();
    hub.registerConnection("k", () => {});
    expect(await hub.countConnections("k")).toBe(1);
    hub.open("k", { from: await hub.locate("k"), who: "ann", wake: () => {} });
    expect(await hub.presence("k")).toEqual(["ann"]);
    const told = numbers(3).map((number) => hub.broadcast("k", "e", number));
    expect(await hub.locate("k")).toBe((await Promise.all(told))[2]);
  });

  it("takes out who was on a node that was killed, once its lease is over", async () => {
    const client = clientOf(server.url);
    const [alive, killed] = [node({ leaseMs: 300 }), node({ client, leaseMs: 300 })];
    const watcher = await listen(alive, "k");
    await listen(killed, "k", { who: "ann" });
    await watcher.until((heard) => heard.length === 1);
    crash(client);
    const events = await watcher.until((heard) => heard.length === 2);
    expect(events.map(({ data }) => data)).toEqual(['{"joined":"ann"}', '{"left":"ann"}']);
    expect([await alive.presence("k"), await alive.countConnections("k")]).toEqual([[], 1]);
  });

  it("takes out who was on a node that was let go of, at once", async () => {
    const [one, two] = [node(), node()];
    const watcher = await listen(one, "k");
    await listen(two, "k", { who: 'a "quoted"\nname/é' });
    await watcher.until((heard) => heard.length === 1);
    await two[Symbol.asyncDispose]();
    const events = await watcher.until((heard) => heard.length === 2);
    expect(events.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
      { joined: 'a "quoted"\nname/é' },
      { left: 'a "quoted"\nname/é' },
    ]);
  });

  it("tells who types, wherever it is said, and that it has stopped by itself", async () => {
    const [one, two] = [node({ typingMs: 200 }), node({ typingMs: 200 })];
    const watcher = await listen(one, "k");
    await two.typing("k", "ann");
    await one.typing("k", "ann");
    await one.typing("k", "bob");
    await two.typing("k", "bob", false);
    const events = await watcher.until((heard) => heard.length === 4);
    expect(events.map(told)).toEqual([
      { event: "typing", data: '{"isTyping":true,"who":"ann"}' },
      { event: "typing", data: '{"isTyping":true,"who":"bob"}' },
      { event: "typing", data: '{"isTyping":false,"who":"bob"}' },
      { event: "typing", data: '{"isTyping":false,"who":"ann"}' },
    ]);
  });

  // Who typed when a node was killed went on typing for everybody else: the timer that was to end it died with it.
  it("tells that somebody has stopped also when the node that was to say it is gone", async () => {
    const client = clientOf(server.url);
    const [alive, killed] = [node({ leaseMs: 300 }), node({ client, typingMs: 50 })];
    const watcher = await listen(alive, "k");
    await killed.typing("k", "ann");
    crash(client);
    const events = await watcher.until((heard) => heard.length === 2);
    expect(dataOf(events)).toEqual(['{"isTyping":true,"who":"ann"}', '{"isTyping":false,"who":"ann"}']);
  });

  it("refuses what comes faster than Redis takes it, and logs it where nobody waits", async () => {
    const hub = node();
    const data = "x".repeat(60_000);
    const told = numbers(40).map((number) => hub.broadcast("k", "e", number + data));
    const outcomes = await Promise.allSettled(told);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(18);
    const last = outcomes.at(-1);
    expect(last).toEqual({ status: "rejected", reason: coded("hub/queue-full") });
    await expect(hub.broadcast("k", "e", 1)).resolves.toEqual(expect.any(String));
  });

  it("holds two connections, however many topics there are", async () => {
    const before = Number(/connected_clients:(\d+)/.exec(await server.command("info", "clients"))?.[1]);
    const hub = node();
    const readers = await Promise.all(numbers(50).map((number) => listen(hub, `key ${number}`)));
    for (const number of numbers(50)) void hub.broadcast(`key ${number}`, "e", number);
    const heard = await Promise.all(readers.map((reader) => reader.until(({ length }) => length > 0)));
    expect(heard.map(dataOf)).toEqual(numbers(50).map((number) => [number]));
    const after = Number(/connected_clients:(\d+)/.exec(await server.command("info", "clients"))?.[1]);
    expect(after - before).toBe(2);
  });
});

describe("Redis that goes away", () => {
  it("costs a subscriber no event and brings none twice when its connections are cut while it is told", async () => {
    const [one, two] = [node(), node()];
    const readers = await Promise.all([listen(one, "k"), listen(two, "k")]);
    const waiting: Promise<unknown>[] = [];
    for (const number of numbers(300)) {
      waiting.push(one.broadcast("k", "e", number));
      if (Number(number) % 100 === 50) {
        await waiting.at(-1);
        await server.command("client", "kill", "type", "pubsub");
        await server.command("client", "kill", "type", "normal");
      }
    }
    await Promise.all(waiting);
    for (const reader of readers) {
      expect(dataOf(await reader.until(({ length }) => length >= 300))).toEqual(numbers(300));
    }
  });

  it("and takes its answer along is asked again, and tells nothing twice", async () => {
    const client = clientOf(server.url);
    let lost = 0;
    const hub = node({
      client: {
        ...through(client),
        // Done by Redis, but nobody is told, once for each of these.
        async call(command, args) {
          const answer = await client.call(command, args);
          if (!args.some((arg) => arg.includes("unheard")) || ++lost % 2 === 0) return answer;
          throw new Error("Connection is closed.");
        },
      },
    });
    const watcher = await listen(hub, "k");
    const id = await hub.broadcast("k", "e", "unheard 1");
    await hub.broadcast("k", "e", "unheard 2");
    await hub.broadcast("k", "e", "last");
    const events = await watcher.until((heard) => heard.at(-1)?.data === "last");
    expect([dataOf(events), events[0]?.id]).toEqual([["unheard 1", "unheard 2", "last"], id]);
    expect(lost).toBe(4);
  });

  it("and comes back with what it had is gone on with: nothing is lost", async () => {
    const args = ["--appendonly", "yes", "--appendfsync", "always"];
    const first = await startOwn({ args });
    const [one, two] = [node({ client: clientOf(first.url) }), node({ client: clientOf(first.url) })];
    const watcher = await listen(two, "k", { who: "ann" });
    await watcher.until(({ length }) => length === 1);
    const id = await one.broadcast("k", "e", "before");
    await watcher.until(({ length }) => length === 2);
    await first.kill();
    const meanwhile = one.broadcast("k", "e", "meanwhile");
    await startOwn({ args, port: first.port, dir: first.dir });
    await meanwhile;
    const last = await one.broadcast("k", "e", "after");
    const events = await watcher.until((heard) => heard.at(-1)?.id === last);
    expect(dataOf(events)).toEqual(['{"joined":"ann"}', "before", "meanwhile", "after"]);
    expect(await two.locate("k", { after: id })).toBe(id);
    expect(await one.presence("k")).toEqual(["ann"]);
  });

  it("and comes back empty breaks subscribers off with a gap; connections hear what is told from then on", async () => {
    const first = await startOwn();
    const hub = node({ client: clientOf(first.url), leaseMs: 300 });
    const watcher = await listen(hub, "k", { who: "ann" });
    const heard: unknown[] = [];
    let isTold = (): void => {};
    const after = new Promise<void>((resolve) => (isTold = resolve));
    hub.registerConnection("k", ({ data }) => {
      heard.push(data);
      if (data === "after") isTold();
    });
    const id = await hub.broadcast("k", "e", "before");
    await watcher.until(({ length }) => length === 2);
    await first.kill();
    await startOwn({ port: first.port });
    expect(await watcher.broken()).toEqual(coded("log/gap"));
    await expect(hub.locate("k", { after: id })).rejects.toEqual(coded("log/gap"));
    await hub.broadcast("k", "e", "after");
    await after;
    expect(heard.filter((data) => typeof data === "string")).toEqual(["before", "after"]);
    const anew = await listen(hub, "k", { last: 100 });
    await anew.until((events) => events.some(({ data }) => data === '{"joined":"ann"}'));
    expect(await hub.presence("k")).toEqual(["ann"]);
  });

  // A Redis that is short of memory may evict one key of a topic alone: its subscribers were told that they had
  // everything, and the events that went with the key were passed over in silence.
  it("and has lost the events of a topic alone breaks subscribers off with a gap too", async () => {
    const hub = node({ pollMs: 20 });
    const id = await hub.broadcast("k", "e", "1");
    const watcher = await listen(hub, "k");
    await hub.broadcast("k", "e", "2");
    await server.command("del", `${prefix}:{topic.k}:events`);
    await expect(hub.locate("k", { after: id })).rejects.toEqual(coded("log/gap"));
    expect(await watcher.broken()).toEqual(coded("log/gap"));
  });

  it("and stays away: telling fails with a code, and whoever does not wait is not harmed", async () => {
    const first = await startOwn();
    const hub = node({ client: clientOf(first.url), patienceMs: 200 });
    await hub.broadcast("k", "e", 1);
    await first.close();
    void hub.broadcast("k", "e", 2);
    await expect(hub.broadcast("k", "e", 3)).rejects.toEqual(coded("log/unavailable"));
    await expect(hub.locate("k")).rejects.toMatchObject({ code: "log/unavailable" });
  });
});

describe("two nodes on a Redis Cluster", () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  });

  afterAll(async () => {
    await cluster.close();
  });

  it("hear each other in topics of all slots, and know who is there", async () => {
    const clusterNode = (): Hub => {
      const at = cluster.servers.map(({ port }) => ({ host: "127.0.0.1", port }));
      const client = new Cluster(at, { shardedSubscribers: true });
      clients.push(client);
      return node({ client });
    };
    const [one, two] = [clusterNode(), clusterNode()];
    const keys = ["a", "b {x}", "c%", "d", "e", "f/g"];
    const readers = await Promise.all(keys.map((key) => listen(two, key, { who: "ann" })));
    for (const key of keys) for (const number of numbers(50)) void one.broadcast(key, "e", `${key} ${number}`);
    for (const [index, reader] of readers.entries()) {
      const events = await reader.until(({ length }) => length === 51);
      const spoken = events.filter(({ event }) => event === "e");
      expect(dataOf(spoken)).toEqual(numbers(50).map((number) => `${keys[index]} ${number}`));
    }
    expect(await Promise.all(keys.map((key) => one.presence(key)))).toEqual(keys.map(() => ["ann"]));
    await one.typing("d", "bob");
    await readers[3]?.until((events) => events.at(-1)?.event === "typing");
  });
});
