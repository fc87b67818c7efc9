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

/** @throws Error whose message says which forms there are, never what was given: it may hold a password */
export function parseStore(text: string): StoreConfig {
  if (text === "memory:") return { kind: "memory" };
  if (/^disk:./.test(text)) return { kind: "disk", path: text.slice("disk:".length) };
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return { kind: "redis", url: text };
  const [, kind, credentials = "", hosts = "", path = ""] = SEVERAL.exec(text) ?? [];
  const parsed = `redis://${credentials}store${path}`;
  const whole = kind === "cluster" || (kind === "sentinel" && path.length > 1);
  if (!whole || !URL.canParse(parsed)) throw new Error(FORMS);
  return { kind, url: new URL(parsed), hosts: hosts.split(",").map(parseHost) };
}

function parseHost(text: string): Host {
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text.trim());
  if (!match) throw new Error(FORMS);
  return { host: (match[1] ?? "").replace(/^\[(.*)\]$/, "$1"), port: Number(match[2]) };
}

export interface OpenStore {
  readonly store: LogStore;
  /** As it is told to whoever starts the server; no password in it. */
  readonly name: string;
  close(): Promise<void>;
}

/** Loads only what the kind needs. @throws SluiceError `log/locked`, `log/corrupt`, `log/unavailable` */
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
    const store = await createDiskLog({ path: config.path, log });
    return { store, name: `the directory ${config.path}`, close: () => store[Symbol.asyncDispose]() };
  }
  const { createRedisLog } = await import("sluice/log/redis");
  const client = await connect(config);
  // Without a listener the process would end with the first lost connection; ioredis connects again by itself.
  client.on("error", (error: Error) => log("warn", "redis connection", { code: "log/unavailable", error }));
  const store = createRedisLog({ client, log, graceMs: leaseMs });
  return {
    store,
    name: "Redis",
    async close() {
      await store[Symbol.asyncDispose]();
      client.disconnect();
    },
  };
}

// The store itself says how long a command is tried.
const PATIENT = { maxRetriesPerRequest: null };

async function connect(config: Exclude<StoreConfig, { kind: "memory" | "disk" }>) {
  const { Redis, Cluster } = await import("ioredis");
  if (config.kind === "redis") return new Redis(config.url, PATIENT);
  const { username, password, pathname } = config.url;
  const credentials = {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
  if (config.kind === "cluster") {
    return new Cluster([...config.hosts], { shardedSubscribers: true, redisOptions: { ...PATIENT, ...credentials } });
  }
  return new Redis({
    ...PATIENT,
    ...credentials,
    sentinels: [...config.hosts],
    name: decodeURIComponent(pathname.slice(1)),
  });
}
