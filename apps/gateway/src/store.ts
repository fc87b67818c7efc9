import type { Cluster, Redis } from "ioredis";
import { SluiceError, isSluiceError } from "sluice/errors";
import type { Logger } from "sluice/http";
import { createMemoryLog, type LogStore } from "sluice/log";

/** Where answers are kept: this process's memory, a directory, or Redis. */
export type StoreConfig =
  | { readonly kind: "memory" }
  | { readonly kind: "disk"; readonly path: string }
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "cluster" | "sentinel"; readonly url: URL; readonly hosts: readonly Host[] };

export interface Host {
  readonly host: string;
  readonly port: number;
}

const FORMS =
  "must be memory:, disk:<directory>, redis://host:port, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/<master>";

const SEVERAL = /^redis\+(cluster|sentinel):\/\/((?:[^@/]*@)?)([^/@]+)(\/.*)?$/;
// A cluster has no other database than 0, and with sentinels it is 0 too: what names one, or an option, is not passed over.
const PATHS = { cluster: /^\/?0?$/, sentinel: /^\/[^/?#]+$/ };

/** @throws Error whose message says which forms there are, never what was given: it may hold a password */
export function parseStore(text: string): StoreConfig {
  if (text === "memory:") return { kind: "memory" };
  if (/^disk:./.test(text)) return { kind: "disk", path: text.slice("disk:".length) };
  if (/^rediss?:\/\//.test(text)) {
    if (!isUrl(text) || !/^\/?\d*$/.test(new URL(text).pathname)) throw new Error(FORMS);
    return { kind: "redis", url: text };
  }
  const [, kind, credentials = "", hosts = "", path = ""] = SEVERAL.exec(text) ?? [];
  const parsed = `redis://${credentials}store${path}`;
  if ((kind !== "cluster" && kind !== "sentinel") || !PATHS[kind].test(path) || !isUrl(parsed)) throw new Error(FORMS);
  return { kind, url: new URL(parsed), hosts: hosts.split(",").map(parseHost) };
}

// A `%` in a password is written `%25`.
function isUrl(text: string): boolean {
  try {
    decodeURIComponent(text);
    return URL.canParse(text);
  } catch {
    return false;
  }
}

function parseHost(text: string): Host {
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text.trim());
  if (!match || Number(match[2]) > 65_535) throw new Error(FORMS);
  return { host: (match[1] ?? "").replace(/^\[(.*)\]$/, "$1"), port: Number(match[2]) };
}

export interface OpenStore {
  readonly store: LogStore;
  /** As it is told to whoever starts the server; no password in it. */
  readonly name: string;
  close(): Promise<void>;
}

/**
 * Loads only what the kind needs. Resolves once the store answers: a server that nobody can use is better not there.
 * @throws SluiceError `log/locked`, `log/corrupt`, `log/unavailable`, saying where; no password in it
 */
export async function openStore(
  { store: config, leaseMs }: { readonly store: StoreConfig; readonly leaseMs: number },
  log: Logger,
): Promise<OpenStore> {
  if (config.kind === "memory") {
    const store = createMemoryLog();
    return { store, name: "memory, gone with this process", close: () => store[Symbol.asyncDispose]() };
  }
  if (config.kind === "disk") {
    const { createDiskLog } = await import("sluice/log/disk");
    const name = `the directory ${config.path}`;
    const store = await createDiskLog({ path: config.path, log }).catch((error: unknown) => {
      throw located(name, error);
    });
    return { store, name, close: () => store[Symbol.asyncDispose]() };
  }
  const { createRedisLog } = await import("sluice/log/redis");
  const client = await connectRedis(config, "patient");
  // Without a listener the process would end with the first lost connection; ioredis connects again by itself.
  client.on("error", (error: Error) => log("warn", "redis connection", { code: "log/unavailable", error }));
  const store = createRedisLog({ client, log, graceMs: leaseMs });
  const close = async (): Promise<void> => {
    await store[Symbol.asyncDispose]();
    client.disconnect();
  };
  const name = `Redis at ${placeOf(config)}`;
  try {
    await store.state("none");
  } catch (error) {
    await close();
    throw located(name, error);
  }
  return { store, name, close };
}

function located(name: string, error: unknown): unknown {
  if (!isSluiceError(error)) return error;
  const reply = error.details["reply"];
  const said = typeof reply === "string" ? ` It said ${reply}.` : "";
  return new SluiceError(error.code, `SLUICE_STORE, ${name}: ${error.message}${said}`, { cause: error });
}

function placeOf(config: RedisConfig): string {
  if (config.kind === "redis") return new URL(config.url).host;
  return config.hosts.map(({ host, port }) => `${host}:${port}`).join(", ");
}

type RedisConfig = Exclude<StoreConfig, { kind: "memory" | "disk" }>;

/**
 * A connection of its own. Patient: a command is sent as soon as there is a connection; the store itself says how long
 * it is tried. Impatient: without a connection it fails at once.
 */
export async function connectRedis(config: RedisConfig, how: "patient" | "impatient"): Promise<Redis | Cluster> {
  const { Redis, Cluster } = await import("ioredis");
  const retries = { maxRetriesPerRequest: how === "patient" ? null : 0 };
  const queue = { enableOfflineQueue: how === "patient" };
  if (config.kind === "redis") return new Redis(config.url, { ...retries, ...queue });
  const { username, password, pathname } = config.url;
  const credentials = {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
  if (config.kind === "cluster") {
    return new Cluster([...config.hosts], {
      ...queue,
      shardedSubscribers: how === "patient",
      redisOptions: { ...retries, ...credentials },
    });
  }
  return new Redis({
    ...retries,
    ...queue,
    ...credentials,
    sentinels: [...config.hosts],
    name: decodeURIComponent(pathname.slice(1)),
  });
}
