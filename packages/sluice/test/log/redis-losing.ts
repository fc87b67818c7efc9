import { Redis } from "ioredis";
import { afterEach, beforeEach, expect } from "vitest";
import { isSluiceError } from "../../src/base/errors.ts";
import type { CreateLog, LogSlice, LogStore } from "../../src/log/index.ts";
import { createRedisLog, type RedisLogOptions } from "../../src/log/redis.ts";
import { startRedisServer, type RedisServer } from "../../src/testing/redis-server.ts";

export interface Node {
  readonly client: Redis;
  readonly store: LogStore;
  /** What was logged of entries put back and logs rewound. */
  readonly told: readonly string[];
}

export const PUT_BACK = "redis lost entries: put back";
export const REWOUND = "redis lost entries: rewound";
export const LOG: CreateLog = { owner: "o", meta: {}, ttlMs: 60_000, lease: { holder: "a", ttlMs: 60_000 } };
const KEYS = ["sluice:{log}:log", "sluice:{log}:entries"];
export const FENCE = 1;
const never = (): AbortSignal => new AbortController().signal;

type NodeOptions = Omit<Partial<RedisLogOptions>, "client"> & { client?: Redis };

/** A server for each test of a file, and what a fail-over does to it. */
export interface LosingRedis {
  readonly server: RedisServer;
  readonly admin: Redis;
  /** Called at the end of the test, those that came last first. */
  onEnd(close: () => unknown): void;
  startServer(...args: readonly string[]): Promise<RedisServer>;
  connect(url: string): Redis;
  node(options?: NodeOptions, url?: string): Node;
  /** Redis is as it was before `act`: what that was told is acknowledged is gone. */
  losing<T>(act: () => Promise<T>): Promise<T>;
  /** The connection of a node is made anew, as after a fail-over. Resolves when its store has been told. */
  reconnect(node: Node): Promise<void>;
  /** What the scripts know a server by. */
  becomeAnother(): Promise<void>;
}

export function withLosingRedis(): LosingRedis {
  const opened: (() => unknown)[] = [];
  let server: RedisServer;
  let admin: Redis;

  beforeEach(async () => {
    server = await startServer();
    admin = connect(server.url);
  });

  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });

  async function startServer(...args: readonly string[]): Promise<RedisServer> {
    const started = await startRedisServer({
      args: ["--enable-debug-command", "local", "--repl-diskless-sync-delay", "0", ...args],
    });
    opened.push(() => started.close());
    return started;
  }

  function connect(url: string): Redis {
    const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on("error", () => {});
    opened.push(() => client.disconnect());
    return client;
  }

  function node(options: NodeOptions = {}, url = server.url): Node {
    const told: string[] = [];
    const log: RedisLogOptions["log"] = (_level, message) => void (message.includes("lost") && told.push(message));
    const { client = connect(url) } = options;
    const store = createRedisLog({ log, ...options, client });
    opened.push(() => store[Symbol.asyncDispose]());
    return { client, store, told };
  }

  async function losing<T>(act: () => Promise<T>): Promise<T> {
    const before = await Promise.all(KEYS.map((key) => admin.dumpBuffer(key)));
    const done = await act();
    for (const [index, key] of KEYS.entries()) {
      const dump = before[index];
      if (dump) await admin.restore(key, 0, dump, "REPLACE");
      else await admin.del(key);
    }
    return done;
  }

  async function reconnect({ client }: Node): Promise<void> {
    const again = new Promise<void>((resolve) => void client.once("ready", () => resolve()));
    await admin.client("KILL", "ID", await client.client("ID"));
    await again;
  }

  async function becomeAnother(): Promise<void> {
    await server.command("debug", "change-repl-id");
  }
  return {
    get server() {
      return server;
    },
    get admin() {
      return admin;
    },
    onEnd: (close) => void opened.push(close),
    startServer,
    connect,
    node,
    losing,
    reconnect,
    becomeAnother,
  };
}

/** Entries `from` to `to`, one an append. */
export async function append(store: LogStore, from: number, to: number, fence = FENCE): Promise<void> {
  for (let n = from; n <= to; n += 1) await store.append("log", [`entry ${n}`], { expected: n - 1, fence });
}

export function texts(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `entry ${from + index}`);
}

export async function readAll(store: LogStore, after = 0): Promise<readonly string[]> {
  const entries: string[] = [];
  for await (const slice of store.tail("log", { after, signal: never() })) {
    expect(slice.after).toBe(after + entries.length);
    entries.push(...slice.entries);
  }
  return entries;
}

export interface Tail {
  /** What comes next, until there are so many entries. */
  take(count: number): Promise<readonly string[]>;
  next(): Promise<IteratorResult<LogSlice>>;
}

export function tailOf(store: LogStore, after = 0): Tail {
  const tail = store.tail("log", { after, signal: never() })[Symbol.asyncIterator]();
  return {
    next: () => tail.next(),
    async take(count) {
      const entries: string[] = [];
      while (entries.length < count) {
        const step = await tail.next();
        if (step.done) break;
        entries.push(...step.value.entries);
      }
      return entries;
    },
  };
}

export async function failure(promise: Promise<unknown>): Promise<{ code: string; details: object }> {
  const error: unknown = await promise.then(
    () => "it resolved",
    (reason: unknown) => reason,
  );
  if (!isSluiceError(error)) throw new Error(`Expected a code, got ${String(error)}`);
  return { code: error.code, details: error.details };
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await failure(promise)).code;
}
