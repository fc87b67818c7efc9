import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sleep, systemClock } from "../base/clock.ts";

export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Where it keeps its files. Default: a directory of its own in the system's, removed by `close`. */
  readonly dir?: string;
  /**
   * More arguments, such as `["--appendonly", "yes"]`. They come last, so they win. A password after `--requirepass` is
   * in `url`, and `command` says it.
   */
  readonly args?: readonly string[];
}

/** A redis-server that this process started. It listens on 127.0.0.1 only. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  readonly dir: string;
  /** One command, its words without spaces; resolves with the answer as it is on the wire. */
  command(...words: readonly string[]): Promise<string>;
  /** SIGKILL: the process is gone when this resolves, its directory stays. */
  kill(): Promise<void>;
  /** Ends the process and removes the directory it was not given. */
  close(): Promise<void>;
}

/** Several servers that know each other. */
export interface RedisServers {
  readonly servers: readonly RedisServer[];
  close(): Promise<void>;
}

const BINARY = "redis-server";
const PATIENCE_MS = 15_000;
const ATTEMPTS = 5;
const SLOTS = 16_384;
// Without a disk between them a master sends nothing that is written in the first second after its replica says that
// it is up.
const FROM_DISK = ["--repl-diskless-sync", "no"];

/** Starts Debian's redis-server without persistence, and resolves once it answers. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  return start(options, (port) => ["--port", String(port)]);
}

export interface RedisCluster extends RedisServers {
  /** The three masters. */
  readonly servers: readonly RedisServer[];
  /** The master that has a key. */
  masterOf(key: string): Promise<RedisServer>;
  /** Starts a replica of a master, and resolves when it is in sync. It takes over 2 s after its master is gone. */
  addReplica(master: RedisServer): Promise<RedisServer>;
}

/** Three masters that share the slots. Resolves when every one says that the cluster is whole. */
export async function startRedisCluster(args: readonly string[] = []): Promise<RedisCluster> {
  const members: RedisServer[] = [];
  const servers = await Promise.all([0, 1, 2].map(() => startMember(args)));
  members.push(...servers.map(({ server }) => server));
  const [first] = members;
  for (const [index, { server, bus }] of servers.entries()) {
    const from = Math.floor((index * SLOTS) / servers.length);
    const to = Math.floor(((index + 1) * SLOTS) / servers.length) - 1;
    await server.command("cluster", "addslotsrange", String(from), String(to));
    await server.command("cluster", "set-config-epoch", String(index + 1));
    if (index > 0) await first?.command("cluster", "meet", "127.0.0.1", String(server.port), String(bus));
  }
  await whole(members);
  const masters = [...members];
  return {
    servers: masters,
    close: () => closeAll(members),
    async masterOf(key) {
      const slot = Number.parseInt((await first?.command("cluster", "keyslot", key))?.slice(1) ?? "", 10);
      const found = masters[Math.ceil(((slot + 1) * masters.length) / SLOTS) - 1];
      if (!found) throw new Error(`Nobody has the slot ${slot}.`);
      return found;
    },
    async addReplica(master) {
      const { server, bus } = await startMember(args);
      members.push(server);
      await first?.command("cluster", "meet", "127.0.0.1", String(server.port), String(bus));
      await whole(members);
      const id = /\w{40}/.exec(await master.command("cluster", "myid"))?.[0] ?? "";
      await until(async () => (await server.command("cluster", "replicate", id)).includes("OK"));
      await inSync(server);
      // Who votes knows of it, and so does every client that asks.
      await until(async () => (await Promise.all(masters.map((one) => one.command("cluster", "slots")))).every(knows));
      return server;

      function knows(slots: string): boolean {
        return slots.includes(String(server.port));
      }
    },
  };
}

async function startMember(args: readonly string[]): Promise<{ readonly server: RedisServer; readonly bus: number }> {
  const [bus = 0] = await freePorts(1);
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", String(bus), "--cluster-node-timeout", "2000"];
  const server = await startRedisServer({ args: [...cluster, ...FROM_DISK, ...args] });
  return { server, bus };
}

async function whole(members: readonly RedisServer[]): Promise<void> {
  for (const server of members) {
    await until(async () => {
      const info = await server.command("cluster", "info");
      return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${members.length}\r`);
    });
  }
}

async function inSync(replica: RedisServer): Promise<void> {
  await until(async () => (await replica.command("info", "replication")).includes("master_link_status:up"));
}

export interface RedisSentinel extends RedisServers {
  /** The first is the master at the start, the second its replica, in sync. */
  readonly servers: readonly [RedisServer, RedisServer];
  readonly sentinel: RedisServer;
  /** What the sentinel calls the master. */
  readonly name: string;
}

/** A master, its replica, and one sentinel that makes the replica the master half a second after that is gone. */
export async function startRedisSentinel(args: readonly string[] = []): Promise<RedisSentinel> {
  const name = "sluice";
  const master = await startRedisServer({ args: [...FROM_DISK, ...args] });
  const replica = await startRedisServer({ args: ["--replicaof", "127.0.0.1", String(master.port), ...args] });
  await inSync(replica);
  const sentinel = await start({}, async (port, dir) => {
    const file = join(dir, "sentinel.conf");
    const lines = [
      `port ${port}`,
      `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 3000`,
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    return [file, "--sentinel"];
  });
  await until(async () => (await sentinel.command("sentinel", "replicas", name)).includes(String(replica.port)));
  const servers = [master, replica] as const;
  return { name, servers, sentinel, close: () => closeAll([sentinel, ...servers]) };
}

type Arguments = (port: number, dir: string) => readonly string[] | Promise<readonly string[]>;

// A port that was free may be taken by the time the server binds it: then another one is tried.
async function start(options: RedisServerOptions, args: Arguments): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), "sluice-redis-")));
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = options.port === undefined ? await freePorts(1) : [options.port];
    const own = await args(port, dir);
    const common = ["--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no", "--logfile", "", "--save", ""];
    const child = spawn(BINARY, [...own, ...common, ...(options.args ?? [])], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = exitOf(child);
    const failure = await ready(child, exited, { port, password: passwordOf(options) });
    if (failure === undefined) return serverOf(child, exited, port, dir, options);
    child.kill("SIGKILL");
    await exited;
    if (attempt < ATTEMPTS && options.port === undefined) continue;
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    throw failure;
  }
}

function serverOf(
  child: ChildProcess,
  exited: Promise<void>,
  port: number,
  dir: string,
  options: RedisServerOptions,
): RedisServer {
  const password = passwordOf(options);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return {
    port,
    url: `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    dir,
    command: (...words) => ask(port, words, password),
    kill,
    async close() {
      await kill();
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

function passwordOf({ args = [] }: RedisServerOptions): string | undefined {
  const at = args.lastIndexOf("--requirepass");
  return at < 0 ? undefined : args[at + 1];
}

async function closeAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
}

// Never rejects: `exit` does not come when there is no such program. A server does not outlive this process, unless
// that is killed.
function exitOf(child: ChildProcess): Promise<void> {
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  return new Promise((resolve) => {
    const onGone = (): void => {
      process.removeListener("exit", end);
      resolve();
    };
    child.once("exit", onGone);
    child.once("error", onGone);
  });
}

/** Resolves with what went wrong, or with nothing once the server answers. */
async function ready(
  child: ChildProcess,
  exited: Promise<void>,
  { port, password }: { readonly port: number; readonly password: string | undefined },
): Promise<Error | undefined> {
  const said: string[] = [];
  if (child.stdout) createInterface({ input: child.stdout }).on("line", (line) => said.push(line) > 20 && said.shift());
  let gone = false;
  void exited.then(() => (gone = true));
  try {
    await until(async () => {
      if (gone) throw new Error(`${BINARY} did not start on port ${port}:\n${said.join("\n")}`);
      // One that asks for a password answers too.
      if (!/PONG|NOAUTH/.test(await ask(port, ["ping"]).catch(() => ""))) return false;
      // Another process may have taken the port in between.
      const info = await ask(port, ["info", "server"], password).catch(() => "");
      return /process_id:(\d+)/.exec(info)?.[1] === String(child.pid);
    });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const late = AbortSignal.timeout(PATIENCE_MS);
  while (!(await isTrue())) await sleep(systemClock, 20, late);
}

// Redis takes a line of words as a command. Every Redis in every state answers with this to the word after it, which
// tells where the answer ends: sentinels have no QUIT, and PING fails when Redis cannot save.
const END = "-ERR unknown command 'the-end'";

function ask(port: number, words: readonly string[], password?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      answer += text;
      if (answer.includes(END)) socket.destroy();
    });
    socket.on("error", reject);
    const login = password === undefined ? "" : `auth ${password}\r\n`;
    const skipped = login === "" ? 0 : "+OK\r\n".length;
    socket.on("close", () => resolve(answer.slice(skipped).split(END)[0] ?? ""));
    socket.write(`${login}${words.join(" ")}\r\nthe-end\r\n`);
  });
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = servers.map(
    (server) =>
      new Promise<number>((resolve, reject) => {
        server.once("error", reject);
        // A TCP server that listens has such an address.
        server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
      }),
  );
  const found = await Promise.all(ports);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}
