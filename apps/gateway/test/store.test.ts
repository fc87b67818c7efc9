import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedisServer, type RedisServer } from "sluice/testing";
import { afterEach, describe, expect, it } from "vitest";
import { parseConfig } from "../src/config.ts";
import { openStore, parseStore } from "../src/store.ts";
import { startCli, urlOf } from "./cli.ts";
import { ask, bearer, openStream, question, runIdOf } from "./support.ts";

const PASSWORD = "open-sesame";
const KEYS = { SLUICE_API_KEYS: "alice:key1" };
const alice = bearer("key1");

const servers: RedisServer[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sluice-store-"));
  folders.push(path);
  return path;
}

async function redisServer(options: Parameters<typeof startRedisServer>[0] = {}): Promise<RedisServer> {
  const server = await startRedisServer(options);
  servers.push(server);
  return server;
}

describe("SLUICE_STORE", () => {
  it("is memory, a directory, a Redis, a cluster or the master that sentinels name", () => {
    expect(parseStore("memory:")).toEqual({ kind: "memory" });
    expect(parseStore("disk:./data")).toEqual({ kind: "disk", path: "./data" });
    expect(parseStore("disk:/var/lib/a b")).toEqual({ kind: "disk", path: "/var/lib/a b" });
    for (const url of ["redis://h:6379", "redis://h", "rediss://u:p%40@h:1/3", "redis://:p@[::1]:6379/0"]) {
      expect(parseStore(url)).toEqual({ kind: "redis", url });
    }
    const hosts = [
      { host: "a", port: 7_001 },
      { host: "::1", port: 7_002 },
    ];
    expect(parseStore("redis+cluster://u:p@a:7001,[::1]:7002")).toMatchObject({ kind: "cluster", hosts });
    const sentinel = parseStore("redis+sentinel://:p%40@a:7001,[::1]:7002/the-master");
    expect(sentinel).toMatchObject({ kind: "sentinel", hosts, url: { password: "p%40", pathname: "/the-master" } });
    expect(parseStore("redis+cluster://a:7001,[::1]:7002/0")).toMatchObject({ kind: "cluster", hosts });
  });

  it.each([
    `redis:${PASSWORD}`,
    `redis://u:${PASSWORD}@h:99999`,
    `redis://u:${PASSWORD}@h:1/name`,
    `redis://u:${PASSWORD}%@h:1`,
    `redis+cluster://u:${PASSWORD}@h`,
    `redis+cluster://u:${PASSWORD}@h:1,`,
    `redis+cluster://u:${PASSWORD}@h:99999`,
    `redis+cluster://u:${PASSWORD}%zz@h:1`,
    // Whoever named a database was not told that answers went into another one, or to a master nobody knew.
    `redis+cluster://u:${PASSWORD}@h:1/5`,
    `redis+cluster://u:${PASSWORD}@h:1/?tls=true`,
    `redis+sentinel://u:${PASSWORD}@h:1/name/2`,
    `redis+sentinel://u:${PASSWORD}@h:1/name?db=2`,
    `redis+sentinel://u:${PASSWORD}@h:1`,
    `redis+sentinel://u:${PASSWORD}@h:1/`,
    `redis+sentinel://u:${PASSWORD}@h:1/%`,
    `postgres://u:${PASSWORD}@h`,
    `${PASSWORD}`,
    "disk:",
    "memory:x",
  ])("is refused in other forms without repeating what was given: %s", (text) => {
    let message = "";
    try {
      parseConfig({ SLUICE_STORE: text });
    } catch (error) {
      message = String(error);
      expect(error).toMatchObject({ code: "option/invalid", details: { field: "SLUICE_STORE" } });
    }
    expect(message).toContain("SLUICE_STORE: must be memory:, disk:<directory>, redis://");
    expect(message).not.toContain(PASSWORD);
  });

  it("is named without its password", async () => {
    const { port, command } = await redisServer();
    await command("config", "set", "requirepass", PASSWORD);
    const store = parseStore(`redis://:${PASSWORD}@127.0.0.1:${port}/0`);
    const opened = await openStore({ store, leaseMs: 1_000 }, () => {});
    await opened.close();
    expect(opened.name).toBe(`Redis at 127.0.0.1:${port}`);
    const wrong = parseStore(`redis://:${PASSWORD}-not@127.0.0.1:${port}`);
    const refused = await openStore({ store: wrong, leaseMs: 1_000 }, () => {}).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "log/unavailable" });
    expect(String(refused)).toMatch(/SLUICE_STORE, Redis at 127\.0\.0\.1:\d+: .* It said (WRONGPASS|NOAUTH)\./);
    expect(String(refused)).not.toContain(PASSWORD);
  });
});

describe("the program", () => {
  it("leaves a directory to the program that has it, and says who that is", async () => {
    const path = join(folder(), "data");
    const first = startCli({ SLUICE_STORE: `disk:${path}` });
    await urlOf(first);
    const second = startCli({ SLUICE_STORE: `disk:${path}` });
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toBe(
      `SLUICE_STORE, the directory ${path}: Process ${first.pid} has the directory of the log open.\n`,
    );
    // The first one is none the worse for it, and the next one may have it.
    expect((await ask(await urlOf(first), { body: question() })).text).toContain("event: done");
    first.kill("SIGKILL");
    await first.ended;
    const third = startCli({ SLUICE_STORE: `disk:${path}` });
    await urlOf(third);
    third.kill("SIGTERM");
    expect(await third.ended).toBe(0);
  });

  it("says which directory it cannot write", async () => {
    const path = join(folder(), "file");
    writeFileSync(path, "");
    const cli = startCli({ SLUICE_STORE: `disk:${path}` });
    expect(await cli.ended).toBe(1);
    expect(cli.stderr()).toBe(`SLUICE_STORE, the directory ${path}: The directory of the log cannot be written.\n`);
  });

  // Also where it needs nothing from its store at first.
  it.each([{}, { SLUICE_SECRET: "a secret of 20 chars" }])(
    "does not start without its Redis: it says where it looked, without the password, and ends: %o",
    async (env) => {
      const cli = startCli({ SLUICE_STORE: `redis://alice:${PASSWORD}@127.0.0.1:1`, ...env });
      expect(await cli.ended).toBe(1);
      expect(cli.stderr()).toBe(
        "SLUICE_STORE, Redis at 127.0.0.1:1: The store of this server does not take requests at the moment.\n",
      );
      expect(cli.stdout()).toContain("ECONNREFUSED");
      expect(cli.stdout()).not.toContain(PASSWORD);
    },
  );

  it("waits for a Redis that comes up a moment later", async () => {
    const { port, dir } = await redisServer();
    await servers.splice(0)[0]?.kill();
    folders.push(dir);
    const cli = startCli({ SLUICE_STORE: `redis://127.0.0.1:${port}` });
    await cli.printed(/ECONNREFUSED/);
    await redisServer({ port });
    await urlOf(cli);
    cli.kill("SIGTERM");
    expect(await cli.ended).toBe(0);
  });

  it("goes on after an outage of Redis: answers under way are whole, and new ones start", async () => {
    const dir = folder();
    const durable = { dir, args: ["--appendonly", "yes", "--appendfsync", "always"] };
    const redis = await redisServer(durable);
    const cli = startCli({ ...KEYS, SLUICE_STORE: redis.url, SLUICE_LEASE_MS: "1000" });
    const url = await urlOf(cli);
    const stream = await openStream(url, { headers: alice, body: question("words=300 rate=200 ttft=0") });
    await stream.until(({ event }) => event === "chunk");
    await redis.kill();
    await cli.printed(/"msg":"redis connection"/);
    // What the process itself knows is still said.
    expect((await ask(url, { at: "GET /health" })).status).toBe(200);
    await redisServer({ ...durable, port: redis.port });

    const { events, broken } = await stream.rest();
    expect([broken, events.at(-1)?.event]).toEqual([false, "done"]);
    const again = await ask(url, { at: `GET /runs/${stream.runId}/events`, headers: alice });
    // A late reader is sent fewer, larger deltas: the same text, to the same last id.
    const contentOf = (data: string): string => (JSON.parse(data) as { content?: string }).content ?? "";
    const chunks = [...again.text.matchAll(/^event: chunk\nid: .*\ndata: (.*)$/gm)].map(([, data = "{}"]) => data);
    const whole = chunks.map(contentOf).join("");
    const seen = events.filter(({ event }) => event === "chunk").map(({ data }) => contentOf(data));
    expect(whole.endsWith(seen.join(""))).toBe(true);
    expect(again.text.match(/(?<=^id: ).*$/gm)?.at(-1)).toBe(events.at(-1)?.id);
    const next = await ask(url, { headers: alice, body: question() });
    expect([next.status, runIdOf(next) !== stream.runId]).toEqual([200, true]);
    cli.kill("SIGTERM");
    expect(await cli.ended).toBe(0);
  });

  it("answers 503 while Redis is away for long, and serves again when it is back", async () => {
    const redis = await redisServer();
    const cli = startCli({ ...KEYS, SLUICE_STORE: redis.url });
    const url = await urlOf(cli);
    await redis.kill();
    const refused = await ask(url, { headers: alice, body: question() });
    expect([refused.status, refused.code]).toEqual([503, "log/unavailable"]);
    await redisServer({ port: redis.port });
    expect((await ask(url, { headers: alice, body: question() })).text).toContain("event: done");
    expect(cli.log().filter(({ level }) => Number(level) >= 60)).toEqual([]);
    cli.kill("SIGTERM");
    expect(await cli.ended).toBe(0);
  });
});
